import Glibc

/// A whole file, open: it can be read to its end whatever happens to its name meanwhile.
public final class StoredFile: Sendable {
    /// In bytes.
    public let size: Int64
    private let descriptor: Int32

    init(descriptor: Int32, size: Int64) {
        self.descriptor = descriptor
        self.size = size
    }

    deinit { close(descriptor) }

    /// Its bytes in pieces, read as they are asked for; all of them where no range is given.
    public func chunks(_ range: Range<Int64>? = nil) -> StoredFileChunks {
        StoredFileChunks(file: self, range: (range ?? 0..<size).clamped(to: 0..<size))
    }

    /// Fills `bytes` with what stands at `offset`. Blocks. Throws `FileStoreError`, also where the file ends before.
    public func read(into bytes: UnsafeMutableRawBufferPointer, at offset: Int) throws {
        try unsafe PositionedReading.fill(bytes, from: descriptor, at: offset, "a stored file")
    }

    fileprivate func read(at offset: Int64, upTo limit: Int) throws -> [UInt8] {
        let descriptor = descriptor
        while true {
            var code: Int32 = 0
            let bytes = unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
                let read = unsafe pread(descriptor, buffer.baseAddress, limit, off_t(offset))
                code = read < 0 ? errno : 0
                count = max(0, read)
            }
            if code == EINTR { continue }
            errno = code
            guard code == 0 else { throw FileStoreError.system("a stored file cannot be read") }
            // Shorter than it was: what is missing must not look like its end.
            guard !bytes.isEmpty else { throw FileStoreError.failed(detail: "a stored file ends before its end") }
            return bytes
        }
    }
}

/// A part of a stored file; any number of times, from the beginning each time.
public struct StoredFileChunks: AsyncSequence, Sendable {
    public typealias Element = [UInt8]

    let file: StoredFile
    let range: Range<Int64>

    public func makeAsyncIterator() -> Iterator { Iterator(file: file, range: range) }

    public struct Iterator: AsyncIteratorProtocol {
        private static let size = 512 << 10

        let file: StoredFile
        var range: Range<Int64>

        init(file: StoredFile, range: Range<Int64>) {
            self.file = file
            self.range = range
        }

        /// Throws `FileStoreError`.
        public mutating func next() async throws -> [UInt8]? {
            guard !range.isEmpty else { return nil }
            try Task.checkCancellation()
            let (file, offset) = (file, range.lowerBound)
            let limit = Int(Swift.min(Int64(Self.size), Int64(range.count)))
            let bytes = try await FileThread.run { try file.read(at: offset, upTo: limit) }
            range = (offset + Int64(bytes.count))..<range.upperBound
            return bytes
        }
    }
}

extension LocalFileStore {
    /// Nil where there is no whole file of this name. Throws `FileStoreError`.
    public func open(_ name: String) async throws -> StoredFile? {
        let path = path(name)
        return try await FileThread.run {
            let descriptor = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else {
                if errno == ENOENT { return nil }
                throw FileStoreError.system("\(path) cannot be opened")
            }
            var status = stat()
            guard unsafe fstat(descriptor, &status) == 0 else {
                defer { close(descriptor) }
                throw FileStoreError.system("\(path) cannot be looked at")
            }
            return StoredFile(descriptor: descriptor, size: Int64(status.st_size))
        }
    }
}
