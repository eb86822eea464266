import CausewayCore
import Foundation
import Support

/// One run of curl.
struct Curl {
    /// curl's own: 0, or what went wrong (52: no answer, 18: cut off, 56: reset).
    let exit: Int32
    let status: Int
    let headers: String
    let body: Data

    var text: String { String(decoding: body, as: UTF8.self) }
    /// The answer as JSON; null where it is none.
    var json: JSONValue { (try? JSONValue(parsing: body)) ?? .null }
    var data: JSONValue? { json["data"] }
    var message: String? { json["message"]?.string }

    static func run(_ arguments: [String]) async throws -> Curl {
        let folder = FileManager.default.temporaryDirectory.appending(path: "curl-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (body, headers) = (folder.appending(path: "body"), folder.appending(path: "headers"))
        let output = Pipe()
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments =
            ["curl", "-sS", "--noproxy", "*", "--max-time", "120", "-o", body.path(), "-D", headers.path()]
            + ["-w", "%{http_code}"] + arguments
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        let exit = try await withCheckedThrowingContinuation { continuation in
            process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
            do { try process.start() } catch { continuation.resume(throwing: error) }
        }
        let status = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        return Curl(
            exit: exit, status: Int(status) ?? 0, headers: (try? String(contentsOf: headers, encoding: .utf8)) ?? "",
            body: (try? Data(contentsOf: body)) ?? Data())
    }
}
