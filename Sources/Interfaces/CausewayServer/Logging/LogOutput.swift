import Glibc
import Synchronization

/// Where lines go: a file descriptor, one whole line at a time whoever writes.
public final class LogOutput: Sendable {
    public static let standardError = LogOutput(descriptor: STDERR_FILENO)

    public let descriptor: Int32
    private let turn = Mutex(())

    /// - Parameter descriptor: stays the caller's.
    public init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    /// A log that cannot be written is no reason to stop the work that it tells of: what fails is dropped.
    func write(_ line: [UInt8]) {
        turn.withLock { _ in
            var rest = line[...]
            while !rest.isEmpty {
                let written = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
                if written > 0 {
                    rest = rest.dropFirst(written)
                } else if written < 0, errno == EAGAIN {
                    // Somebody made the descriptor non-blocking (a terminal shared with another program).
                    var poller = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    guard unsafe poll(&poller, 1, 1000) > 0 else { return }
                } else if written < 0, errno != EINTR {
                    return
                }
            }
        }
    }
}
