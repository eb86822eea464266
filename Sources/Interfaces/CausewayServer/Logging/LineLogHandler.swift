import CausewayCore
public import Logging

/// Writes one line for each event.
public struct LineLogHandler: LogHandler {
    public var logLevel: Logger.Level
    public var metadata: Logger.Metadata = [:]
    public var metadataProvider: Logger.MetadataProvider?
    private let format: LogFormat
    private let output: LogOutput
    private let time: any TimeSource

    public init(
        level: Logger.Level, format: LogFormat, output: LogOutput = .standardError
    ) {
        self.init(level: level, format: format, output: output, time: SystemTimeSource())
    }

    init(level: Logger.Level, format: LogFormat, output: LogOutput, time: any TimeSource) {
        logLevel = level
        self.format = format
        self.output = output
        self.time = time
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        var members = metadata
        if let provided = metadataProvider?.get() { members.merge(provided) { $1 } }
        if let own = event.metadata { members.merge(own) { $1 } }
        if let error = event.error { members["error"] = "\(error)" }
        let flat = FlatMetadata(members).pairs
        let line: [UInt8]
        switch format {
        case .json:
            line = JSONLine.encode(time: time.now(), level: event.level, message: event.message.description, flat)
        case .text:
            line = TextLine.encode(time: time.now(), level: event.level, message: event.message.description, flat)
        }
        output.write(line)
    }
}
