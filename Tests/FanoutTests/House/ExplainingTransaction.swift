import Storage
import Synchronization

/// Passes everything on to a real transaction, and notes each statement with the engine's plan for it.
struct ExplainingTransaction: Transaction {
    final class Notes: Sendable {
        private let entries = Mutex<[(statement: String, plan: [String])]>([])
        var all: [(statement: String, plan: [String])] { entries.withLock { $0 } }
        func add(_ statement: String, _ plan: [String]) { entries.withLock { $0.append((statement, plan)) } }
    }

    let real: any Transaction
    let notes: Notes

    var dialect: SQLDialect { real.dialect }

    func execute(_ query: SQLQuery) throws -> Int {
        try note(query)
        return try real.execute(query)
    }

    func rows(_ query: SQLQuery) throws -> [ResultRow] {
        try note(query)
        return try real.rows(query)
    }

    func signal(_ topic: SignalTopic) { real.signal(topic) }
    func lock(_ name: String) throws { try real.lock(name) }

    private func note(_ query: SQLQuery) throws {
        let plan = try real.rows("EXPLAIN QUERY PLAN \(query: query)").map { row -> String in try row["detail"] }
        notes.add(query.text(placeholder: "?"), plan)
    }
}
