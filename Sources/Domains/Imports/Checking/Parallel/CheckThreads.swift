import CausewayCore
import Dispatch
import Synchronization

/// Threads that run what a check can do beside one another, beside the one that hands it out.
final class CheckThreads: Sendable {
    private struct State {
        var jobs: [@Sendable () -> Void] = []
        var isOver = false
    }
    private let state = Mutex(State())
    private let work = DispatchSemaphore(value: 0)
    let count: Int

    /// Where the system has no thread left there are fewer: whoever hands out jobs runs them as well.
    init(count: Int) {
        self.count = count
        for _ in 0..<count { _ = SystemThread(name: "import-check") { [self] in run() } }
    }

    func add(_ job: @escaping @Sendable () -> Void) {
        state.withLock { $0.jobs.append(job) }
        work.signal()
    }

    /// Runs a job that nobody has begun; false where there is none.
    func help() -> Bool {
        guard let job = next() else { return false }
        job()
        return true
    }

    /// What nobody has begun is dropped, and the threads end.
    func close() {
        state.withLock {
            $0.jobs = []
            $0.isOver = true
        }
        for _ in 0..<count { work.signal() }
    }

    private func next() -> (@Sendable () -> Void)? {
        state.withLock { $0.jobs.isEmpty ? nil : $0.jobs.removeFirst() }
    }

    private func run() {
        while true {
            work.wait()
            // Where the other one has helped, nothing is left.
            if !help(), state.withLock({ $0.isOver }) { return }
        }
    }
}
