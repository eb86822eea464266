import CausewayCore
import Foundation
import HTTPTypes
import OutboundHTTP

/// A file on its way to a gateway in as many requests as it takes (`/v1/uploads`). What the gateway has of it outlives a
/// break and a restart, and the same end said again is answered with the same import: nothing is imported twice.
struct GatewayUpload: Sendable {
    /// `/v1/uploads/upl_…`
    let path: String
    private let size: Int64

    /// Begins one. Throws like `GatewayClient.post`.
    /// - Parameters:
    ///   - query: of an import, and its object.
    ///   - sha256: what all that arrives is held against at its end.
    static func begin(
        _ file: ImportedFile, query: String, sha256: [UInt8], charset: String?, _ client: GatewayClient
    ) async throws -> GatewayUpload {
        var headers: HTTPFields = [
            .contentType: charset.map { "text/csv; charset=\(GatewayClient.segment($0))" } ?? "text/csv",
            .uploadComplete: "?0", .uploadLength: String(file.size),
            .reprDigest: "sha-256=:\(Data(sha256).base64EncodedString()):",
        ]
        if let name = file.name {
            headers[.contentDisposition] = "attachment; filename*=UTF-8''\(GatewayClient.segment(name))"
        }
        let response = try await client.send(.post, "/v1/uploads?\(query)", headers: headers)
        guard response.status == .created else {
            guard response.status.kind != .successful else { throw notAGateway(client) }
            throw GatewayRefusal(response)
        }
        guard let location = response.headers[.location],
            let path = URL(string: location)?.path(), path.hasPrefix("/v1/uploads/upl_")
        else { throw notAGateway(client) }
        return GatewayUpload(path: path, size: file.size)
    }

    static func notAGateway(_ client: GatewayClient) -> CommandFailure {
        CommandFailure("\(client.address) answers, but not as a Causeway gateway does. Is --url right?")
    }

    /// How many bytes the gateway has for good; what was still writing to it has ended then. Throws like
    /// `GatewayClient.get`.
    func offset(_ client: GatewayClient, within limit: Duration? = nil) async throws -> Int64 {
        let response = try await client.send(.head, path, within: limit)
        if response.status == .notFound {
            throw CommandFailure(
                "The gateway at \(client.address) does not know this upload any more: it has expired or was cancelled.")
        }
        // An answer to HEAD has no body that would say so: who was at it before, perhaps reading a large file through, has
        // not ended yet.
        if response.status == .conflict {
            throw GatewayRefusal(
                status: 409,
                problem: ["code": "upload_busy", "detail": "It is still at work with what was sent before."])
        }
        guard response.status.kind == .successful else { throw GatewayRefusal(response) }
        guard let offset = response.headers[.uploadOffset].flatMap({ Int64($0) }), (0...size).contains(offset) else {
            throw Self.notAGateway(client)
        }
        return offset
    }

    /// Sends the rest, and returns the import that came of the whole. Throws like `GatewayClient.post`.
    func finish(at offset: Int64, _ body: OutboundBody, _ client: GatewayClient) async throws -> JSONValue {
        let response = try await client.send(.patch, path, headers: headers(offset), body)
        let json = (try? JSONValue(parsing: Data(response.body))) ?? .null
        // A refused file is an import too.
        if json["id"]?.string?.hasPrefix("imp_") == true { return json }
        guard response.status.kind != .successful else { throw Self.notAGateway(client) }
        throw GatewayRefusal(status: response.status.code, problem: json)
    }

    /// The report, as whoever sent the file may read it. Throws like `GatewayClient.post`.
    func report(_ client: GatewayClient) async throws -> String {
        var headers = headers(size)
        headers[.accept] = "text/plain"
        let response = try await client.send(.patch, path, headers: headers)
        guard response.headers[.contentType]?.hasPrefix("text/plain") == true else { throw GatewayRefusal(response) }
        return String(decoding: response.body, as: UTF8.self)
    }

    private func headers(_ offset: Int64) -> HTTPFields {
        [
            .contentType: "application/partial-upload", .uploadOffset: String(offset), .uploadComplete: "?1",
            .uploadLength: String(size),
        ]
    }
}
