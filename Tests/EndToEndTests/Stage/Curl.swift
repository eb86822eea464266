import CausewayCore
import Foundation
import Support

/// One run of curl.
struct Curl {
    /// curl's own: 0, or what went wrong (7: no connection, 52: no answer, 18: cut off).
    let exit: Int32
    let status: Int
    let headers: String
    let body: Data
    /// What it says with `-v`.
    let trace: String

    var text: String { String(decoding: body, as: UTF8.self) }
    /// The answer as JSON; null where it is none.
    var json: JSONValue { (try? JSONValue(parsing: body)) ?? .null }
    var data: [JSONValue] { json["data"]?.array ?? [] }

    subscript(name: String) -> JSONValue? { json[name] }

    func header(_ name: String) -> String? {
        for line in headers.split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2, parts[0].lowercased() == name.lowercased() else { continue }
            return parts[1].trimmingCharacters(in: .whitespaces)
        }
        return nil
    }

    /// Through files, since a pipe's end may be inherited by a program started at the same moment.
    static func run(_ arguments: [String]) async throws -> Curl {
        let folder = FileManager.default.temporaryDirectory.appending(path: "curl-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        func file(_ name: String) throws -> FileHandle {
            let url = folder.appending(path: name)
            try Data().write(to: url)
            return try FileHandle(forWritingTo: url)
        }
        func read(_ name: String) -> Data { (try? Data(contentsOf: folder.appending(path: name))) ?? Data() }
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments =
            [
                "curl", "-sS", "--noproxy", "*", "--max-time", "120", "-o", folder.appending(path: "body").path(), "-D",
                folder.appending(path: "headers").path(), "-w", "%{http_code}",
            ] + arguments
        process.standardInput = FileHandle.nullDevice
        let (status, trace) = (try file("status"), try file("trace"))
        process.standardOutput = status
        process.standardError = trace
        let exit = try await withCheckedThrowingContinuation { continuation in
            process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
            do { try process.start() } catch { continuation.resume(throwing: error) }
        }
        // Not left to the process, which may keep them.
        try status.close()
        try trace.close()
        return Curl(
            exit: exit, status: Int(String(decoding: read("status"), as: UTF8.self)) ?? 0,
            headers: String(decoding: read("headers"), as: UTF8.self), body: read("body"),
            trace: String(decoding: read("trace"), as: UTF8.self))
    }

    static func json(_ value: JSONValue) -> [String] {
        ["-H", "Content-Type: application/json", "--data-binary", value.text]
    }
}
