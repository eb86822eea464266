import FileStore
import Vendor

/// One file of an export, open to be read.
public struct ExportFileContent: Sendable {
    enum Origin: Sendable {
        case mirror(StoredFile, sha256: String)
        case vendor(VendorDownload)
    }

    public let name: String
    let origin: Origin

    /// Whether it can be read in parts, and again.
    public var isMirrored: Bool {
        if case .mirror = origin { true } else { false }
    }

    /// In bytes; nil where the vendor's store does not tell.
    public var size: Int64? {
        switch origin {
        case .mirror(let file, _): file.size
        case .vendor(let download): download.size
        }
    }

    /// Lower-case hexadecimal; nil where it is passed through.
    public var sha256: String? {
        if case .mirror(_, let sha256) = origin { sha256 } else { nil }
    }

    /// Its bytes as they are asked for: all, or of a mirrored file those in `range`.
    public func chunks(_ range: Range<Int64>? = nil) -> ExportFileChunks {
        precondition(range == nil || isMirrored, "a file that is passed through comes whole")
        return ExportFileChunks(origin: origin, range: range)
    }
}

/// The bytes of a file in pieces. One that is passed through is to be read once, by one task.
public struct ExportFileChunks: AsyncSequence, Sendable {
    public typealias Element = [UInt8]

    let origin: ExportFileContent.Origin
    let range: Range<Int64>?

    public func makeAsyncIterator() -> Iterator {
        switch origin {
        case .mirror(let file, _): Iterator(source: .mirror(file.chunks(range).makeAsyncIterator()))
        case .vendor(let download): Iterator(source: .vendor(download.makeAsyncIterator()))
        }
    }

    public struct Iterator: AsyncIteratorProtocol {
        enum Source {
            case mirror(StoredFileChunks.Iterator)
            case vendor(VendorDownload.Iterator)
        }

        var source: Source

        /// Throws where the file is cut off: what came so far is then not the file.
        public mutating func next() async throws -> [UInt8]? {
            switch source {
            case .mirror(var iterator):
                let chunk = try await iterator.next()
                source = .mirror(iterator)
                return chunk
            case .vendor(var iterator):
                return try await iterator.next()
            }
        }
    }
}
