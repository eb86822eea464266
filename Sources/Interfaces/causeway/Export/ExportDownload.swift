import CausewayCore
import Foundation
import HTTPTypes
import OutboundHTTP

/// Fetches one thing of an export into one place, and goes on where a break has cut it off, as far as the gateway lets it.
struct ExportDownload: Sendable {
    /// What is fetched.
    struct Source: Sendable {
        var path: String
        var accept: String?
        /// For people.
        var name: String
        /// In bytes, where the resource tells.
        var size: Int64?
        var sha256: String?
        /// Made anew at each call: nothing to go on with.
        var isMade: Bool
    }

    let client: GatewayClient
    let source: Source
    let progress: CommandProgress

    /// Returns once the whole is there and its hash is right. Throws `CommandFailure`, `GatewayRefusal`, `OutboundError`.
    /// - Parameters:
    ///   - etag: of what an earlier run has left in `part`.
    ///   - told: is given the tag as soon as it is known, before the first byte is written.
    func fetch(into part: PartFile, etag: String?, told: (String?) throws -> Void) async throws {
        var etag = etag
        var patience = client.patience
        var digest = source.sha256
        // All of it may have come before the last run ended.
        if let size = source.size, part.size == size, digest == part.sha256 { return }
        while true {
            let before = part.size
            do {
                digest = try await stream(into: part, &etag, told) ?? source.sha256
                break
            } catch let error where !Task.isCancelled {
                guard part.canRestart else { throw error }
                if part.size > before { patience.renew() }
                try await patience.wait(after: error)
            }
        }
        try check(part, digest)
    }

    /// Returns the hash that the answer tells.
    private func stream(
        into part: PartFile, _ etag: inout String?, _ told: (String?) throws -> Void
    ) async throws -> String? {
        var headers: HTTPFields = [:]
        if let accept = source.accept { headers[.accept] = accept }
        // Without a tag nobody knows whether it is the same file.
        if part.size > 0, let tag = etag, !tag.hasPrefix("W/"), !source.isMade {
            headers[.range] = "bytes=\(part.size)-"
            headers[.ifRange] = tag
        }
        return try await client.stream(source.path, headers: headers) { response in
            let fields = response.head.headers
            switch response.head.status.code {
            case 206 where headers[.range] != nil:
                guard fields[.contentRange]?.hasPrefix("bytes \(part.size)-") == true else {
                    throw CommandFailure("The gateway sent another part of \(source.name) than was asked for.")
                }
            case 200: try part.restart()
            case 416 where headers[.range] != nil:
                // It is shorter than what is here, or all of it is.
                if fields[.contentRange] == "bytes */\(part.size)" { return Self.sha256(in: fields) }
                try part.restart()
                throw GatewayRefusal(status: 503, problem: .null)
            case let status:
                let body = try await response.chunks.reduce(into: [UInt8]()) { $0 += $1.prefix((64 << 10) - $0.count) }
                throw GatewayRefusal(status: status, problem: (try? JSONValue(parsing: Data(body))) ?? .null)
            }
            etag = fields[.eTag]
            try told(etag)
            let length = fields[.contentLength].flatMap { Int64($0) }
            progress.moving(source.name, kept: part.size, total: source.size ?? length.map { $0 + part.size })
            for try await chunk in response.chunks {
                try part.write(chunk)
                progress.moved(chunk.count)
            }
            return Self.sha256(in: fields)
        }
    }

    private func check(_ part: PartFile, _ digest: String?) throws {
        if !source.isMade, let size = source.size, size != part.size {
            if part.canRestart { try part.restart() }
            throw CommandFailure("\(source.name) has \(size) bytes, and \(part.size) came.")
        }
        guard let digest, digest != part.sha256 else { return }
        let words = "The SHA-256 of \(source.name) is wrong: it is \(digest) at the gateway, and \(part.sha256) here."
        if part.canRestart { try part.restart() }
        throw CommandFailure(words + " Run the command again.")
    }

    /// RFC 9530, in hexadecimal. Told of the whole, whatever part of it was sent.
    static func sha256(in fields: HTTPFields) -> String? {
        guard let text = fields[.reprDigest], let start = text.range(of: "sha-256=:"),
            let end = text[start.upperBound...].firstIndex(of: ":"),
            let bytes = Data(base64Encoded: String(text[start.upperBound..<end]))
        else { return nil }
        return Digest.hex(bytes)
    }
}
