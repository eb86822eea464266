import CausewayCore
import Foundation

/// Runs lines exactly as they are shown.
struct DemoShell: Sendable {
    let directory: DemoDirectory
    let variables: [String: String]

    /// What one line gave.
    struct Answer: Sendable {
        /// HTTP's, of a line with curl.
        let status: Int?
        let body: String

        /// Null where it is no JSON.
        var json: JSONValue { (try? JSONValue(parsing: body)) ?? .null }
    }

    /// Throws where the line ends with another exit code than 0.
    func run(_ line: String) async throws -> Answer {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", line]
        process.currentDirectoryURL = directory.url
        process.environment = ProcessInfo.processInfo.environment
            .merging(["CURL_HOME": directory.path]) { $1 }
            .merging(variables) { $1 }
        let (output, errors) = (try file(".output"), try file(".errors"))
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = errors
        let exit = try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
                do {
                    try process.run()
                    // Cancelled just before there was anything to end.
                    if Task.isCancelled { end(process) }
                } catch {
                    continuation.resume(throwing: error)
                }
            }
        } onCancel: {
            end(process)
        }
        try Task.checkCancellation()
        guard exit == 0 else {
            let words = String(decoding: try directory.read(".errors"), as: UTF8.self)
            throw DemoFailure("`\(line)` ended with \(exit): \(words.trimmingCharacters(in: .whitespacesAndNewlines))")
        }
        return answer(String(decoding: try directory.read(".output"), as: UTF8.self))
    }

    /// The shell and what it has started, which are a group of their own.
    private func end(_ process: Process) {
        if process.isRunning { _ = kill(-process.processIdentifier, SIGTERM) }
    }

    /// curl is told to write the status on a line of its own behind the body.
    private func answer(_ text: String) -> Answer {
        guard let end = text.lastIndex(of: "\n"), let status = Int(text[text.index(after: end)...]) else {
            return Answer(status: nil, body: text)
        }
        return Answer(status: status, body: String(text[..<end]))
    }

    private func file(_ name: String) throws -> FileHandle {
        try directory.write(name, "")
        return try FileHandle(forWritingTo: directory.url.appending(path: name))
    }
}
