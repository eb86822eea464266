import Synchronization

/// Requests that hang at an endpoint until a test lets go of them.
final class Hold: Sendable {
    private let expected: Int
    private let limit: Int
    private let entered = Atomic(0)
    private let full = Moment()
    private let end = Moment()

    /// - Parameters:
    ///   - expected: how many `isFull` waits for.
    ///   - limit: only the first so many hang.
    init(of expected: Int = 1, first limit: Int = .max) {
        self.expected = expected
        self.limit = limit
    }

    /// How many came, whether they hung or not.
    var count: Int { entered.load(ordering: .relaxed) }

    /// Returns when they are let go, or at once to those behind the first; whether this one hung.
    @discardableResult
    func hang() async -> Bool {
        let number = entered.add(1, ordering: .relaxed).newValue
        guard number <= limit else { return false }
        if number == expected { await full.happen() }
        await end.wait()
        return true
    }

    func isFull() async { await full.wait() }

    /// Also of those that come later.
    func letGo() async { await end.happen() }
}
