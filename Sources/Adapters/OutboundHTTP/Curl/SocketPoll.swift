import CCurl
import Glibc

/// Waits for many sockets at once (epoll), and for being woken (eventfd).
@safe struct SocketPoll: ~Copyable {
    private static let batch = 256

    private let poll: Int32
    private let alarm: Int32
    private let events: UnsafeMutablePointer<epoll_event>

    /// Wakes the wait, from any thread; valid while the poll lives.
    struct Waker: Sendable {
        fileprivate let alarm: Int32

        func wake() {
            var one: UInt64 = 1
            _ = unsafe write(alarm, &one, 8)
        }
    }

    /// Nil where the system has no descriptors left.
    init?() {
        poll = epoll_create1(Int32(EPOLL_CLOEXEC))
        alarm = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        unsafe events = .allocate(capacity: Self.batch)
        unsafe events.initialize(repeating: epoll_event(), count: Self.batch)
        guard poll >= 0, alarm >= 0, watch(alarm, EPOLLIN.rawValue) else { return nil }
    }

    deinit {
        if alarm >= 0 { _ = close(alarm) }
        if poll >= 0 { _ = close(poll) }
        unsafe events.deallocate()
    }

    var waker: Waker { Waker(alarm: alarm) }

    /// False where the system refuses.
    func watch(_ socket: Int32, _ interest: UInt32) -> Bool {
        var event = unsafe epoll_event(events: interest, data: epoll_data_t(fd: socket))
        if unsafe epoll_ctl(poll, EPOLL_CTL_MOD, socket, &event) == 0 { return true }
        return unsafe errno == ENOENT && epoll_ctl(poll, EPOLL_CTL_ADD, socket, &event) == 0
    }

    func forget(_ socket: Int32) {
        var event = unsafe epoll_event()
        _ = unsafe epoll_ctl(poll, EPOLL_CTL_DEL, socket, &event)
    }

    /// Gives each socket on which something happened; returns early when woken.
    func wait(milliseconds: Int32, _ act: (_ socket: Int32, _ events: UInt32) -> Void) {
        let count = unsafe epoll_wait(poll, events, Int32(Self.batch), milliseconds)
        for index in 0..<max(0, Int(count)) {
            let (socket, happened) = unsafe (events[index].data.fd, events[index].events)
            if socket == alarm {
                var rings: UInt64 = 0
                _ = unsafe read(alarm, &rings, 8)
            } else {
                act(socket, happened)
            }
        }
    }
}
