public import CausewayCore

/// The requests a minute that all calls of this process share: a token bucket in which routine calls leave a
/// share for urgent ones, so that polling never keeps a trigger waiting.
///
/// In any minute no more than `perMinute` are let through: a tenth as a burst, the rest at an even rate.
public actor RequestBudget {
    public enum Priority: Sendable {
        /// Triggers, imports, record exports: somebody waits for them.
        case urgent
        /// Polling, lists, webhook subscriptions.
        case routine
    }

    private let time: any TimeSource
    private let capacity: Double
    private let perMillisecond: Double
    private let reserve: Double
    private var tokens: Double
    private var refilledAt: Timestamp
    private var waitingUrgent = 0
    private var waitingRoutine = 0

    public init(perMinute: Int, time: any TimeSource) {
        self.time = time
        capacity = max(1, Double(perMinute) / 10)
        perMillisecond = max(1, Double(perMinute) * 0.9) / 60_000
        // Below three tokens there is nothing to divide.
        reserve = capacity >= 3 ? capacity / 4 : 0
        tokens = capacity
        refilledAt = time.now()
    }

    /// Returns when a request may go out; throws `CancellationError`.
    public func take(_ priority: Priority) async throws {
        guard !tryTake(priority) else { return }
        change(priority, by: 1)
        defer { change(priority, by: -1) }
        repeat {
            let now = time.now()
            let missing = (priority == .routine ? reserve : 0) + 1 + ahead(of: priority) - tokens
            let wait = max(1, (missing / perMillisecond).rounded(.up))
            try await time.sleep(until: now + .milliseconds(Int64(wait)))
        } while !tryTake(priority)
    }

    private func tryTake(_ priority: Priority) -> Bool {
        let now = time.now()
        // A clock set back refills nothing, and starts counting anew.
        tokens = min(capacity, tokens + Double(max(0, now.since(refilledAt).wholeMilliseconds)) * perMillisecond)
        refilledAt = now
        let needed = priority == .routine ? reserve + 1 + Double(waitingUrgent) : 1
        // The sum of many small refills may fall short of a whole by a rounding error.
        guard tokens + 1e-6 >= needed else { return false }
        tokens -= 1
        return true
    }

    private func ahead(of priority: Priority) -> Double {
        priority == .routine ? Double(waitingUrgent) : 0
    }

    private func change(_ priority: Priority, by difference: Int) {
        switch priority {
        case .urgent: waitingUrgent += difference
        case .routine: waitingRoutine += difference
        }
    }
}
