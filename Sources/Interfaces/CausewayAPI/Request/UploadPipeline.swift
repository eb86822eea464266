import Compression
import Hummingbird
import Imports

/// From bytes as they were transferred to the file's own: unpacks them, takes the file out of its form, and hands it on
/// in blocks large enough that the hand-over costs nothing.
struct UploadPipeline {
    private static let block = 256 << 10

    private let decoder: ContentDecoder?
    private var file: FormFile
    private var pending: [UInt8] = []
    private var unpacked: Int64 = 0
    private let limit: Int64
    private let maximumSize: Int64

    /// - Parameters:
    ///   - boundary: of the form; nil where there is none.
    ///   - limit: for the unpacked bytes, the file and what stands around it.
    ///   - maximumSize: for the file, in words.
    init(coding: ContentCoding?, boundary: String?, limit: Int64, maximumSize: Int64) {
        decoder = coding.map(ContentDecoder.init)
        file = FormFile(boundary)
        self.limit = limit
        self.maximumSize = maximumSize
    }

    /// Throws `Problem` and `ImportOperationError`.
    mutating func take(_ bytes: some Sequence<UInt8>, _ sink: UploadSink) async throws {
        guard let decoder else { return try await passOn(bytes, sink) }
        do {
            decoder.feed(Array(bytes))
            while let piece = try decoder.next() {
                unpacked += Int64(piece.count)
                guard unpacked <= limit else { throw ImportOperationError.tooLarge(maximumSize) }
                try await passOn(piece, sink)
            }
        } catch let error as ContentDecodingError {
            throw Problem(error)
        }
    }

    mutating func finish(_ sink: UploadSink) async throws {
        do {
            try decoder?.finish()
        } catch {
            throw Problem(error)
        }
        try file.finish()
        if !pending.isEmpty { try await sink.write(pending) }
    }

    private mutating func passOn(_ bytes: some Sequence<UInt8>, _ sink: UploadSink) async throws {
        try file.take(bytes, into: &pending, sink)
        guard pending.count >= Self.block else { return }
        try await sink.write(pending)
        pending.removeAll(keepingCapacity: true)
    }
}

extension Problem {
    init(_ error: ContentDecodingError) {
        switch error {
        case .damaged(let words):
            self.init(
                .badRequest, code: "invalid_compression",
                detail: "The body is not what `Content-Encoding` says it is (\(words)). Nothing was kept.")
        case .truncated:
            self.init(
                .badRequest, code: "invalid_compression",
                detail: "What `Content-Encoding` names ends in the middle. Nothing was kept; pack it again and send it."
            )
        case .window:
            self.init(
                .badRequest, code: "invalid_compression",
                detail: "The zstd frame wants a window of more than 8 MiB. Pack it without `--long` and `--ultra`.")
        case .ratio:
            self.init(
                .contentTooLarge, code: "compression_ratio",
                detail: """
                    More than \(ContentDecoder.maximumRatio) bytes come out of each byte of the body. If it is a file of \
                    rows, send it without packing it.
                    """)
        }
    }
}
