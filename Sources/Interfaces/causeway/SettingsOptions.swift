import ArgumentParser
import CausewayServer
import Foundation
import Logging

/// Where settings are read from, for the commands that work on the gateway's own store.
struct SettingsOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The settings file; ./causeway.yaml where it exists.", valueName: "file"))
    var config: String?

    /// Ends with 2 and every mistake at once where the settings are wrong.
    func settings(_ purpose: Settings.Purpose) throws -> Settings {
        do {
            return try Settings.load(
                file: config, environment: ProcessInfo.processInfo.environment, purpose: purpose)
        } catch {
            FileHandle.standardError.write(Data("causeway: \(error)\n".utf8))
            throw ExitCode(2)
        }
    }
}

extension Settings {
    func makeLogger() -> Logger {
        let output = LogOutput.standardError
        let handler = LineLogHandler(
            level: log.level, format: log.format ?? .suited(toDescriptor: output.descriptor), output: output)
        return Logger(label: "causeway") { _ in handler }
    }

    /// For commands whose own words say what they do.
    func makeQuietLogger() -> Logger {
        var logger = makeLogger()
        logger.logLevel = max(.error, logger.logLevel)
        return logger
    }
}
