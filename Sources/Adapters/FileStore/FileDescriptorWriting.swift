import Glibc

enum FileDescriptorWriting {
    /// All of `bytes`, at the descriptor's place. Throws `FileStoreError`.
    static func write(_ bytes: RawSpan, to descriptor: Int32, _ path: @autoclosure () -> String) throws {
        try unsafe bytes.withUnsafeBytes { buffer in
            var written = 0
            while written < buffer.count {
                let count = unsafe Glibc.write(
                    descriptor, buffer.baseAddress.unsafelyUnwrapped + written, buffer.count - written)
                if count < 0 {
                    if errno == EINTR { continue }
                    throw FileStoreError.system("\(path()) cannot be written")
                }
                written += count
            }
        }
    }
}
