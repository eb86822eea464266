public import Storage
import Synchronization

/// Passes everything on to a real engine, and notes each statement with the engine's plan for it.
public struct RecordingEngine: StorageEngine {
    private let real: any StorageEngine
    public let statements: RecordedStatements

    public init(_ real: any StorageEngine, _ statements: RecordedStatements = RecordedStatements()) {
        self.real = real
        self.statements = statements
    }

    public var dialect: SQLDialect { real.dialect }
    public var signals: SignalHub { real.signals }
    public var statistics: StorageStatistics { real.statistics }

    public func read<Result: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws -> Result
    ) async throws -> Result {
        try await real.read { [statements] in try body(RecordingTransaction($0, statements)) }
    }

    public func write<Result: Sendable>(
        _ sharing: CommitSharing, _ body: @escaping @Sendable (any Transaction) throws -> Result
    ) async throws -> Result {
        try await real.write(sharing) { [statements] in try body(RecordingTransaction($0, statements)) }
    }

    public func close() async throws { try await real.close() }
}

/// What has been said to an engine.
public final class RecordedStatements: Sendable {
    private let plans = Mutex<[String: QueryPlan]>([:])
    private let runs = Mutex(0)

    public init() {}

    /// Each text once, with `?` and a number for each argument.
    public var all: [(text: String, plan: QueryPlan)] {
        plans.withLock { $0.sorted { $0.key < $1.key }.map { ($0.key, $0.value) } }
    }

    /// How many were run.
    public var count: Int { runs.withLock { $0 } }

    fileprivate func add(_ text: String, _ plan: () throws -> QueryPlan) rethrows {
        runs.withLock { $0 += 1 }
        guard plans.withLock({ $0[text] == nil }) else { return }
        let found = try plan()
        plans.withLock { $0[text] = found }
    }
}

private struct RecordingTransaction: Transaction {
    let real: any Transaction
    let statements: RecordedStatements

    init(_ real: any Transaction, _ statements: RecordedStatements) {
        self.real = real
        self.statements = statements
    }

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
        try statements.add(query.text(placeholder: "?")) { try QueryPlan(of: query, in: real) }
    }
}
