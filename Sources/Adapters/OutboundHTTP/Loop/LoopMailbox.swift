import Synchronization

/// What tasks ask of the loop, and how they wake it.
final class LoopMailbox: Sendable {
    enum Command: Sendable {
        case start(Transfer)
        case cancel(Transfer)
        /// A pause is over: there is room to receive, or something to send.
        case resume(Transfer)
    }

    enum Phase { case idle, running, stopping, stopped }

    private struct State {
        var phase = Phase.idle
        var commands: [Command] = []
        var asleep = false
        var waker: SocketPoll.Waker?
        var stopWaiters: [CheckedContinuation<Void, Never>] = []

        /// One wake-up is enough for any number of commands.
        mutating func wakeIfAsleep() {
            guard asleep else { return }
            asleep = false
            waker?.wake()
        }
    }

    private let state = Mutex(State())

    // MARK: Any thread

    /// False where the loop is not running: nobody will read the command.
    func post(_ command: Command) -> Bool {
        state.withLock { state in
            guard state.phase == .running else { return false }
            state.commands.append(command)
            state.wakeIfAsleep()
            return true
        }
    }

    /// True for the one call that may start the loop.
    func open() -> Bool {
        state.withLock { state in
            guard state.phase == .idle else { return false }
            state.phase = .running
            return true
        }
    }

    /// Asks the loop to stop; one that never ran is stopped at once.
    func stop() {
        state.withLock { state in
            switch state.phase {
            case .idle: state.phase = .stopped
            case .running:
                state.phase = .stopping
                state.wakeIfAsleep()
            case .stopping, .stopped: break
            }
        }
    }

    func stopped() async {
        await withCheckedContinuation { continuation in
            let isStopped = state.withLock { state in
                if state.phase == .stopped { return true }
                state.stopWaiters.append(continuation)
                return false
            }
            if isStopped { continuation.resume() }
        }
    }

    // MARK: The loop's thread

    func attach(_ waker: SocketPoll.Waker) {
        state.withLock { $0.waker = waker }
    }

    /// The commands so far, in order, and whether the loop is to stop after them.
    func take(into commands: inout [Command]) -> Bool {
        state.withLock { state in
            swap(&commands, &state.commands)
            return state.phase == .stopping
        }
    }

    /// False where there is something to do first.
    func fallAsleep() -> Bool {
        state.withLock { state in
            guard state.commands.isEmpty, state.phase == .running else { return false }
            state.asleep = true
            return true
        }
    }

    func awake() {
        state.withLock { $0.asleep = false }
    }

    /// After this nobody wakes the loop; gives the commands it has not read.
    func close() -> [Command] {
        state.withLock { state in
            state.waker = nil
            state.phase = .stopped
            return state.commands
        }
    }

    func tellStopped() {
        for waiter in state.withLock({ $0.stopWaiters }) { waiter.resume() }
    }
}
