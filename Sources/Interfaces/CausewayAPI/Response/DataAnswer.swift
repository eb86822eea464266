import CausewayCore
import Compression
import Exports
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

/// All parts of an export as the answer, compressed where the caller takes that.
enum DataAnswer {
    static let types: [(name: String, format: ExportData.Format)] = [
        ("text/csv", .csv), ("application/x-ndjson", .ndjson), ("application/ndjson", .ndjson),
    ]

    /// What `Accept` asks for. Throws a 406 where it is neither.
    static func format(_ request: Request) throws -> ExportData.Format {
        guard let type = Negotiation.mediaType(request, types.map(\.name)),
            let found = types.first(where: { $0.name == type })
        else {
            throw Problem(
                .notAcceptable, code: "not_acceptable", detail: "`Accept` may be text/csv or application/x-ndjson.")
        }
        return found.format
    }

    /// - Parameter name: to save it under, without an extension.
    static func response(
        _ data: ExportData, _ format: ExportData.Format, named name: String, for request: Request
    ) -> Response {
        let isPacked = Negotiation.acceptsGzip(request)
        var headers: HTTPFields = [.vary: "Accept, Accept-Encoding", .xContentTypeOptions: "nosniff"]
        if let fingerprint = data.fingerprint {
            // One tag for each of the answers that the same address gives.
            let tag = "\"\(Digest.sha256Hex("\(fingerprint) \(isPacked)").prefix(32))\""
            headers[.eTag] = tag
            headers[.cacheControl] = "private, no-cache"
            if Answer.matches(request.headers[values: .ifNoneMatch], tag) {
                return Response(status: .notModified, headers: headers)
            }
        } else {
            headers[.cacheControl] = "private, no-store"
        }
        headers[.contentType] = format == .csv ? "text/csv; charset=utf-8" : "application/x-ndjson"
        headers[.contentDisposition] = ContentDisposition.attachment("\(name).\(format == .csv ? "csv" : "ndjson")")
        if isPacked { headers[.contentEncoding] = "gzip" }
        return Response(status: .ok, headers: headers, body: isPacked ? packed(data) : plain(data))
    }

    private static func plain(_ data: ExportData) -> ResponseBody {
        ResponseBody { writer in
            for try await bytes in data.chunks() { try await writer.write(ByteBuffer(bytes: bytes)) }
            try await writer.finish(nil)
        }
    }

    private static func packed(_ data: ExportData) -> ResponseBody {
        ResponseBody { writer in
            var encoder = GzipEncoder()
            var isFirst = true
            for try await bytes in data.chunks() {
                var packed: [UInt8] = []
                encoder.append(bytes, to: &packed)
                // The header is there at once; what follows is sent as it fills zlib's window.
                if isFirst { encoder.flush(to: &packed) }
                isFirst = false
                if !packed.isEmpty { try await writer.write(ByteBuffer(bytes: packed)) }
            }
            var rest: [UInt8] = []
            encoder.finish(to: &rest)
            try await writer.write(ByteBuffer(bytes: rest))
            try await writer.finish(nil)
        }
    }
}
