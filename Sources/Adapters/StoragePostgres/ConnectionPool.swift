import CausewayCore
import Dispatch
import Storage
import Synchronization

/// Threads with a connection each, which take bodies from one queue.
final class ConnectionPool: Sendable {
    struct Job: Sendable {
        let write: QueuedTransaction
        /// Until when it waits for a connection.
        let deadline: ContinuousClock.Instant
    }

    /// Bodies that share a commit at most.
    private static let sharedBodies = 32

    private struct State {
        var alone = JobQueue()
        var shared = JobQueue()
        /// One thread at a time runs bodies that share: while it commits the next ones gather, and two that change the
        /// same rows in another order do not wait for one another.
        var isSharing = false
        var running = 0
        var isClosed = false
        var closing: [CheckedContinuation<Void, Never>] = []
    }

    private let name: String
    private let threads: Int
    private let mode: TransactionMode
    private let link: PostgresLink
    private let state = Mutex(State())
    private let work = DispatchSemaphore(value: 0)

    init(name: String, threads: Int, mode: TransactionMode, link: PostgresLink) {
        self.name = name
        self.threads = threads
        self.mode = mode
        self.link = link
    }

    /// False where the system has no thread.
    func start() -> Bool {
        for _ in 0..<threads {
            state.withLock { $0.running += 1 }
            let thread = SystemThread(name: name) { [self] in
                PoolThread(mode: mode, link: link).run(take)
                ended()
            }
            guard thread != nil else {
                ended()
                return false
            }
        }
        return true
    }

    func add(_ write: QueuedTransaction, until deadline: ContinuousClock.Instant) {
        let isTaken = state.withLock { state in
            guard !state.isClosed else { return false }
            let job = Job(write: write, deadline: deadline)
            if write.sharing == .shared { state.shared.append(job) } else { state.alone.append(job) }
            return true
        }
        guard isTaken else {
            write.finish(.failure(StorageError.failed(detail: "the store is closed")))
            return
        }
        work.signal()
    }

    /// Blocks until there is work; nil once there will be no more. Several where they may share a commit.
    /// - Parameter hasShared: whether what the thread took before was such work.
    private func take(hasShared: Bool) -> [Job]? {
        if hasShared {
            let isMore = state.withLock { state in
                state.isSharing = false
                return !state.shared.isEmpty
            }
            // Those who were woken for it may have found nothing that they could take.
            if isMore { work.signal() }
        }
        while true {
            work.wait()
            let taken = state.withLock { state -> [Job]? in
                let alone = state.alone.first
                if !state.isSharing, let shared = state.shared.first,
                    shared.deadline <= alone?.deadline ?? shared.deadline
                {
                    state.isSharing = true
                    return state.shared.take(Self.sharedBodies)
                }
                if alone != nil { return state.alone.take(1) }
                return state.isClosed && state.shared.isEmpty ? nil : []
            }
            guard let taken else {
                // The next one may have been woken too early to end.
                work.signal()
                return nil
            }
            if !taken.isEmpty { return taken }
        }
    }

    /// Lets what is queued be run. Returns when all connections are closed.
    func close() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                state.isClosed = true
                if state.running > 0 { state.closing.append(continuation) }
                return state.running == 0
            }
            if isOver { continuation.resume() }
            for _ in 0..<threads { work.signal() }
        }
    }

    private func ended() {
        let waiting = state.withLock { state in
            state.running -= 1
            guard state.running == 0 else { return [CheckedContinuation<Void, Never>]() }
            defer { state.closing = [] }
            return state.closing
        }
        for continuation in waiting { continuation.resume() }
    }
}

/// First in, first out.
private struct JobQueue {
    private var jobs: [ConnectionPool.Job] = []
    /// Before it they have been taken.
    private var head = 0

    var isEmpty: Bool { head == jobs.count }
    var first: ConnectionPool.Job? { isEmpty ? nil : jobs[head] }

    mutating func append(_ job: ConnectionPool.Job) { jobs.append(job) }

    mutating func take(_ limit: Int) -> [ConnectionPool.Job] {
        let end = min(head + limit, jobs.count)
        let taken = Array(jobs[head..<end])
        head = end
        if head * 2 > jobs.count {
            jobs.removeFirst(head)
            head = 0
        }
        return taken
    }
}
