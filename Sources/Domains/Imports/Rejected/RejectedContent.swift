import CSV
import FileStore

/// An import's refused rows, open to be handed back.
public struct RejectedContent: Sendable {
    public let filename: String
    let file: StoredFile
    let writer: RejectedWriter

    /// Read as they are asked for. Throws `FileStoreError`.
    public func chunks() -> RejectedChunks { RejectedChunks(content: self) }
}

public struct RejectedChunks: AsyncSequence, Sendable {
    public typealias Element = [UInt8]

    let content: RejectedContent

    public func makeAsyncIterator() -> Iterator {
        Iterator(pieces: content.file.chunks().makeAsyncIterator(), writer: content.writer)
    }

    public struct Iterator: AsyncIteratorProtocol {
        var pieces: StoredFileChunks.Iterator
        var writer: RejectedWriter
        var held: [UInt8] = []

        public mutating func next() async throws -> [UInt8]? {
            while let more = try await pieces.next() {
                held += more
                var bytes: [UInt8] = []
                var rest = held[...]
                while let (piece, content) = try RejectedFile.piece(in: rest) {
                    writer.append(piece, rest[content], to: &bytes)
                    rest = rest[content.upperBound...]
                }
                held = Array(rest)
                if !bytes.isEmpty { return bytes }
            }
            guard held.isEmpty else { throw FileStoreError.failed(detail: "a file of refused rows ends in the middle") }
            return nil
        }
    }
}
