import CausewayCore
import Foundation
import Synchronization

/// This executable once more, as a child: what the demo shows is the product, as anybody would start it.
final class DemoProcess: Sendable {
    let name: String
    private let process: Process
    private let exits: AsyncStream<Int32>

    var isRunning: Bool { process.isRunning }
    var identifier: Int32 { process.processIdentifier }

    /// Starts it; what it writes goes to the directory's log, and line by line to `onLine`.
    init(
        _ name: String, _ arguments: [String], environment: [String: String] = [:], in directory: DemoDirectory,
        onLine: @escaping @Sendable (String) -> Void = { _ in }
    ) throws {
        self.name = name
        process = Process()
        guard let executable = Bundle.main.executableURL else {
            throw DemoFailure("the path of this program is not known")
        }
        process.executableURL = executable
        process.arguments = arguments
        process.currentDirectoryURL = directory.url
        // The demo's gateway has the demo's settings alone, whatever is set here for another one.
        let inherited = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("CAUSEWAY_") }
        process.environment = inherited.merging(environment) { $1 }
        let output = Pipe()
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = output
        let (exits, exit) = AsyncStream.makeStream(of: Int32.self)
        self.exits = exits
        process.terminationHandler = { process in
            // A signal's number as a shell tells it.
            exit.yield(process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus)
            exit.finish()
        }
        let log = directory.log(name)
        _ = FileManager.default.createFile(atPath: log.path, contents: nil)
        let file = try FileHandle(forWritingTo: log)
        let partial = Mutex<[UInt8]>([])
        output.fileHandleForReading.readabilityHandler = { handle in
            let data = handle.availableData
            guard !data.isEmpty else {
                handle.readabilityHandler = nil
                return
            }
            try? file.write(contentsOf: data)
            let lines = partial.withLock { partial in
                partial.append(contentsOf: data)
                var lines: [String] = []
                while let end = partial.firstIndex(of: 10) {
                    lines.append(String(decoding: partial[..<end], as: UTF8.self))
                    partial.removeSubrange(...end)
                }
                return lines
            }
            lines.forEach(onLine)
        }
        try process.run()
    }

    /// SIGTERM, and SIGKILL where that is not heeded. Returns how it ended, as a shell tells it.
    func stop() async -> Int32 {
        if process.isRunning { process.terminate() }
        if let status = await within(.seconds(10), { [exits] in await exits.first { _ in true } }) { return status }
        if process.isRunning { _ = kill(process.processIdentifier, SIGKILL) }
        return 128 + SIGKILL
    }
}

/// The children there are, so that whatever happens they can be ended.
final class DemoProcesses: Sendable {
    private let processes = Mutex<[DemoProcess]>([])

    func add(_ process: DemoProcess) -> DemoProcess {
        processes.withLock { $0.append(process) }
        return process
    }

    /// Ends them in reverse order; what did not end as it should, in words.
    func stop() async -> [String] {
        var unclean: [String] = []
        for process in processes.withLock({ $0 }).reversed() {
            let status = await process.stop()
            if status != 0 { unclean.append("the \(process.name) ended with \(status) instead of 0") }
        }
        return unclean
    }
}
