import Storage
import Synchronization

/// A transaction in which, after its first look at something, a change of somebody else's is seen.
struct Interrupted: Transaction {
    private let whole: any Transaction
    private let change: SQLQuery
    private let isChanged = Flag()

    init(_ whole: any Transaction, by change: SQLQuery) {
        self.whole = whole
        self.change = change
    }

    var dialect: SQLDialect { whole.dialect }

    func execute(_ query: SQLQuery) throws -> Int { try whole.execute(query) }

    func rows(_ query: SQLQuery) throws -> [ResultRow] {
        let rows = try whole.rows(query)
        if isChanged.value.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged {
            try whole.execute(change)
        }
        return rows
    }

    func signal(_ topic: SignalTopic) { whole.signal(topic) }

    func lock(_ name: String) throws { try whole.lock(name) }

    private final class Flag: Sendable {
        let value = Atomic(false)
    }
}
