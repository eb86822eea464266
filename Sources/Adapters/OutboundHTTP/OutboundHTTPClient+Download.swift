public import HTTPTypes

/// What a download gave.
public struct OutboundDownload: Hashable, Sendable {
    public var head: OutboundResponseHead
    /// Bytes written to the file.
    public var size: Int64
    /// The beginning of an answer that was not taken; no file was made then.
    public var refused: [UInt8]?
}

extension OutboundHTTPClient {
    /// Writes the answer's body to a file, in flat memory, and returns once it is on disk. A file that is there is
    /// overwritten; after an error none is left.
    ///
    /// Throws `OutboundError`, or `FileFailure` where the file cannot be written.
    /// - Parameters:
    ///   - limit: of the body in bytes.
    ///   - accepts: which answers are the file; the body of others is read up to 64 KiB into `refused`.
    public func download(
        _ request: OutboundRequest, toFile path: String, limit: Int64 = .max,
        accepting accepts: (OutboundResponseHead) -> Bool = { $0.status.kind == .successful }
    ) async throws -> OutboundDownload {
        try await withResponse(to: request, limit: limit) { response in
            guard accepts(response.head) else {
                return OutboundDownload(head: response.head, size: 0, refused: await beginning(of: response))
            }
            let file = try FileDescriptor(writing: path)
            do {
                var size: Int64 = 0
                for try await chunk in response.chunks {
                    try file.write(chunk)
                    size += Int64(chunk.count)
                }
                try file.synchronise()
                return OutboundDownload(head: response.head, size: size, refused: nil)
            } catch {
                FileDescriptor.remove(path)
                throw error
            }
        }
    }

    /// What the refusal says is a courtesy: a cut in it changes nothing.
    private func beginning(of response: OutboundStreamedResponse) async -> [UInt8] {
        let limit = 64 << 10
        var body: [UInt8] = []
        do {
            for try await chunk in response.chunks {
                body += chunk.prefix(limit - body.count)
                if body.count == limit { break }
            }
        } catch {}
        return body
    }
}
