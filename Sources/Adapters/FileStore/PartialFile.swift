import CausewayCore
import Crypto
import Glibc
import Synchronization

/// A file on its way into the store: it grows at its end, is hashed as it grows where that is wanted, outlives its
/// process, and becomes whole in one step.
///
/// It has one writer at a time: who holds it has a lock that goes with the process, and `resume` takes up only what
/// nobody holds. Its methods are called one after another.
public final class PartialFile: Sendable {
    private struct State {
        var size: Int64 = 0
        /// Nil where nobody wants it.
        var hash: SHA256?
    }

    public let name: String
    private let store: LocalFileStore
    private let descriptor: Int32
    private let state: Mutex<State>

    /// What a file came to.
    public struct Whole: Sendable, Hashable {
        /// In bytes.
        public let size: Int64
        /// Lower-case hexadecimal.
        public let sha256: String
    }

    fileprivate init(store: LocalFileStore, name: String, descriptor: Int32, isHashed: Bool = true) {
        self.store = store
        self.name = name
        self.descriptor = descriptor
        state = Mutex(State(hash: isHashed ? SHA256() : nil))
    }

    deinit { close(descriptor) }

    /// Where it is until it is whole.
    public var path: String { store.path(name + LocalFileStore.unfinished) }

    /// Bytes written so far.
    public var size: Int64 { state.withLock { $0.size } }

    /// Throws `FileStoreError`; what was written of `bytes` then is not known.
    public func append(_ bytes: [UInt8]) async throws {
        // Both cost about the same, so they are done at the same time.
        async let written: Void = FileThread.run { [self] in
            try unsafe FileDescriptorWriting.write(bytes.span.bytes, to: descriptor, path)
        }
        state.withLock { state in state.hash?.update(data: bytes) }
        try await written
        state.withLock { state in state.size += Int64(bytes.count) }
    }

    /// Returns how many bytes are on the disk for good: from there on `resume` can go on after any end of the process.
    public func checkpoint() async throws -> Int64 {
        let size = size
        try await FileThread.run { [self] in
            guard fdatasync(descriptor) == 0 else { throw FileStoreError.system("\(path) cannot be synced") }
        }
        return size
    }

    /// Empties it.
    public func restart() async throws {
        try await FileThread.run { [self] in try truncate(to: 0) }
    }

    /// Returns when the file is on the disk, whole, under its name. It stays locked while this object lives. Only for one
    /// that was hashed from its beginning.
    public func finish() async throws -> Whole {
        try await FileThread.run { [self] in
            guard let hash = state.withLock(\.hash) else { preconditionFailure("a file that was not hashed") }
            guard fsync(descriptor) == 0 else { throw FileStoreError.system("\(path) cannot be synced") }
            guard unsafe rename(path, store.path(name)) == 0 else {
                throw FileStoreError.system("\(path) cannot be renamed")
            }
            try store.synchronizeDirectory()
            return Whole(size: size, sha256: Digest.hex(hash.finalize()))
        }
    }

    /// Removes what there is of it.
    public func discard() async {
        try? await FileThread.run { [self] in _ = unsafe unlink(path) }
    }

    /// Reads what is there up to `size`, and drops what is behind. False where there is less.
    fileprivate func takeUp(at size: Int64) throws -> Bool {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, Int64(status.st_size) >= size else { return false }
        var hash = SHA256()
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        var offset: Int64 = 0
        while offset < size {
            let wanted = Int(min(Int64(buffer.count), size - offset))
            let count = unsafe buffer.withUnsafeMutableBytes {
                unsafe pread(descriptor, $0.baseAddress, wanted, off_t(offset))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw FileStoreError.system("\(path) cannot be read") }
            unsafe buffer.withUnsafeBytes { unsafe hash.update(bufferPointer: .init(rebasing: $0[..<count])) }
            offset += Int64(count)
        }
        try truncate(to: size)
        state.withLock { [hash] in $0.hash = hash }
        return true
    }

    private func truncate(to size: Int64) throws {
        guard ftruncate(descriptor, off_t(size)) == 0, lseek(descriptor, off_t(size), SEEK_SET) >= 0 else {
            throw FileStoreError.system("\(path) cannot be cut")
        }
        state.withLock { $0 = State(size: size, hash: $0.hash.map { _ in SHA256() }) }
    }

    /// Drops what is behind the first `size` bytes, where the next are appended then. False where there are fewer. Only for
    /// one that is not hashed.
    public func cut(to size: Int64) async throws -> Bool {
        try await FileThread.run { [self] in
            var status = stat()
            guard unsafe fstat(descriptor, &status) == 0, Int64(status.st_size) >= size else { return false }
            try truncate(to: size)
            return true
        }
    }

    /// What there is of it, to be read while nobody appends.
    public func content() throws -> StoredFile {
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { throw FileStoreError.system("\(path) cannot be read") }
        return StoredFile(descriptor: copy, size: size)
    }

    /// Makes it a whole file of another store on the same file system as well, on the disk when this returns. Where the
    /// file system knows no second names it is moved there.
    public func link(as name: String, in other: LocalFileStore) throws {
        guard fsync(descriptor) == 0 else { throw FileStoreError.system("\(path) cannot be synced") }
        if unsafe Glibc.link(path, other.path(name)) != 0 {
            guard [EPERM, ENOTSUP, EOPNOTSUPP, ENOSYS].contains(errno), unsafe rename(path, other.path(name)) == 0
            else {
                throw FileStoreError.system("\(path) cannot be made \(other.path(name))")
            }
        }
        try other.synchronizeDirectory()
    }

    /// Lets another writer in before this object is gone; it may no more write.
    public func release() { flock(descriptor, LOCK_UN) }

    /// Whether it is still what its name leads to: another may have finished or removed it before the lock was ours.
    fileprivate var isNamed: Bool {
        var (held, named) = (stat(), stat())
        guard unsafe fstat(descriptor, &held) == 0, unsafe stat(path, &named) == 0 else { return false }
        return held.st_dev == named.st_dev && held.st_ino == named.st_ino
    }
}

extension LocalFileStore {
    /// A new file, under a name that was never used. Throws `FileStoreError`.
    public func begin(_ name: String, isHashed: Bool = true) async throws -> PartialFile {
        precondition(!name.contains("/") && !name.hasPrefix("."), "no name of a file: \(name)")
        return try await FileThread.run {
            let path = path(name + Self.unfinished)
            let descriptor = unsafe Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { throw FileStoreError.system("\(path) cannot be made") }
            // Where the file system has no locks nobody can take it up later; it is this writer's alone by its name.
            _ = flock(descriptor, LOCK_EX | LOCK_NB)
            return PartialFile(store: self, name: name, descriptor: descriptor, isHashed: isHashed)
        }
    }

    /// Goes on with an unfinished file behind its first `size` bytes, which are read for its hash. Nil where there is
    /// none of this name, it is shorter, or another writer holds it. Throws `FileStoreError`.
    public func resume(_ name: String, at size: Int64) async throws -> PartialFile? {
        try await FileThread.run {
            let descriptor = unsafe Glibc.open(path(name + Self.unfinished), O_RDWR | O_CLOEXEC)
            guard descriptor >= 0 else { return nil }
            let file = PartialFile(store: self, name: name, descriptor: descriptor)
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0, file.isNamed, try file.takeUp(at: size) else { return nil }
            return file
        }
    }

    /// Takes an unfinished file as it is, to be cut and gone on with; it is not hashed. Nil where there is none of this
    /// name or another writer holds it. Throws `FileStoreError`.
    public func take(_ name: String) async throws -> PartialFile? {
        try await FileThread.run {
            let descriptor = unsafe Glibc.open(path(name + Self.unfinished), O_RDWR | O_CLOEXEC)
            guard descriptor >= 0 else { return nil }
            let file = PartialFile(store: self, name: name, descriptor: descriptor, isHashed: false)
            return flock(descriptor, LOCK_EX | LOCK_NB) == 0 && file.isNamed ? file : nil
        }
    }

    /// Whether there is an unfinished file of this name.
    public func hasUnfinished(_ name: String) -> Bool { unsafe access(path(name + Self.unfinished), F_OK) == 0 }

    /// Returns when the names in the directory are on the disk.
    public func settle() async throws { try await FileThread.run { try synchronizeDirectory() } }

    /// What there is of an unfinished file. Whoever holds it can write on, but no more finish it.
    public func removeUnfinished(_ name: String) async {
        let path = path(name + Self.unfinished)
        try? await FileThread.run { _ = unsafe unlink(path) }
    }
}

extension StoredFile {
    /// Reads it to its end. Throws `FileStoreError`.
    public func digest() async throws -> PartialFile.Whole {
        var hash = SHA256()
        for try await chunk in chunks() { hash.update(data: chunk) }
        return PartialFile.Whole(size: size, sha256: Digest.hex(hash.finalize()))
    }
}
