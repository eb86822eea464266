import Glibc

/// A thread of the program's own, for what blocks: never one of the cooperative pool. Waited for, or let go with its
/// value.
@safe public struct SystemThread: ~Copyable {
    private let thread: pthread_t

    private final class Work {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Nil where the system has no thread left. `name` has up to 15 bytes.
    public init?(name: String, _ body: @escaping @Sendable () -> Void) {
        let work = unsafe Unmanaged.passRetained(
            Work {
                // Signals are for the threads that handle them; a write to a closed TLS connection must not end us.
                var all = sigset_t()
                unsafe sigfillset(&all)
                unsafe pthread_sigmask(SIG_BLOCK, &all, nil)
                Self.nameThread(name)
                body()
            })
        var thread = pthread_t()
        let code = unsafe pthread_create(
            &thread, nil,
            { work in
                if let work = unsafe work { unsafe Unmanaged<Work>.fromOpaque(work).takeRetainedValue().body() }
                return nil
            }, work.toOpaque())
        guard code == 0 else {
            unsafe work.release()
            return nil
        }
        self.thread = thread
    }

    /// For debuggers and `top -H`. The call for it is one that Swift does not see.
    private static func nameThread(_ name: String) {
        let file = unsafe open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return }
        _ = unsafe write(file, name, name.utf8.count)
        close(file)
    }

    deinit { pthread_detach(thread) }

    /// Returns when the thread has ended.
    public consuming func join() {
        pthread_join(thread, nil)
        discard self
    }
}
