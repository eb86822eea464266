import CausewayCore
import Synchronization

/// The company's account at the vendor: all state behind one lock.
///
/// A change happens whole under the lock and only notes what must follow (lines of the story, jobs); those are
/// handed on after the lock is released.
final class Account: Sendable {
    let time: any TimeSource
    let changes = ChangeSignal()
    let jobs: AsyncStream<Job>
    private let story: Story
    private let queue: AsyncStream<Job>.Continuation
    private let state: Mutex<AccountState>

    init(_ options: SimulatorOptions, time: any TimeSource, story: Story) {
        self.time = time
        self.story = story
        (self.jobs, self.queue) = AsyncStream.makeStream()
        self.state = Mutex(AccountState(options, startedAt: time.now()))
    }

    func change<Result: Sendable, Failure: Error>(
        _ body: (inout AccountState, Timestamp) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let now = time.now()
        let (result, lines, jobs) = state.withLock { state in
            let result: Swift.Result<Result, Failure>
            do throws(Failure) {
                result = .success(try body(&state, now))
            } catch {
                result = .failure(error)
            }
            return (result, state.takeLines(), state.takeJobs())
        }
        for line in lines { story.tell("\(now.rfc3339.dropFirst(11).dropLast())  \(line)") }
        for job in jobs { queue.yield(job) }
        changes.announce()
        return try result.get()
    }

    func read<Result: Sendable>(_ body: (AccountState) -> Result) -> Result {
        state.withLock { body($0) }
    }

    func tell(_ line: String) {
        change { state, _ in state.tell(line) }
    }

    /// No further jobs: the work loop ends when those at hand are done.
    func close() { queue.finish() }
}

/// Work that follows a change.
enum Job: Sendable {
    /// The export's time has come.
    case finish(export: String, at: Timestamp)
    /// A webhook is to be sent.
    case send(post: String)
    /// The mail of a base records export is to be sent.
    case mail(String, at: Timestamp)
}
