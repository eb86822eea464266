/// A request's body.
public struct OutboundBody: Sendable {
    enum Content: Sendable {
        case none
        /// One after another; the length is known before the first byte is sent.
        case segments([Segment], contentType: String?)
        /// Written while it is sent. Without a length it goes out chunked.
        case stream(length: Int64?, write: @Sendable (OutboundBodyWriter) async throws -> Void)
    }

    let content: Content

    public static let none = OutboundBody(content: .none)

    public static func bytes(_ bytes: [UInt8]) -> OutboundBody {
        OutboundBody(content: .segments([.bytes(bytes)], contentType: nil))
    }

    public static func text(_ text: String) -> OutboundBody { .bytes(Array(text.utf8)) }

    /// Read while it is sent, in flat memory.
    public static func file(_ slice: FileSlice) -> OutboundBody {
        OutboundBody(content: .segments([.file(slice)], contentType: nil))
    }

    /// Bytes and stretches of files, one after another, with nothing between them.
    public static func joined(_ segments: [Segment]) -> OutboundBody {
        OutboundBody(content: .segments(segments, contentType: nil))
    }

    /// `multipart/form-data`; the content type is set with its boundary.
    public static func multipart(_ form: MultipartForm) -> OutboundBody {
        OutboundBody(content: .segments(form.segments, contentType: form.contentType))
    }

    /// What `write` writes; each write returns when there is room again. An error it throws ends the request as
    /// `bodySource`. It is cancelled when the request ends before the body does.
    /// - Parameter length: in bytes; when what is written differs, the request fails.
    public static func stream(
        length: Int64? = nil, _ write: @escaping @Sendable (OutboundBodyWriter) async throws -> Void
    ) -> OutboundBody {
        OutboundBody(content: .stream(length: length, write: write))
    }

    /// The chunks of a sequence, asked for as the peer takes them.
    public static func stream(
        length: Int64? = nil, chunks: some AsyncSequence<[UInt8], any Error> & Sendable
    ) -> OutboundBody {
        stream(length: length) { writer in
            for try await chunk in chunks { try await writer.write(chunk) }
        }
    }

    /// A piece of a body.
    public enum Segment: Hashable, Sendable {
        case bytes([UInt8])
        case file(FileSlice)
    }
}

/// A stretch of a file. The file must stay as it is until it is sent.
public struct FileSlice: Hashable, Sendable {
    public var path: String
    /// In bytes from the file's start.
    public var offset: Int64
    /// In bytes; nil is up to the file's end.
    public var length: Int64?

    public init(path: String, offset: Int64 = 0, length: Int64? = nil) {
        self.path = path
        self.offset = offset
        self.length = length
    }
}
