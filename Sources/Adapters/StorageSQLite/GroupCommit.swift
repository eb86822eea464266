import GRDB
import Storage

/// Runs changes that came together in one immediate transaction, so that they share one sync of the disk.
///
/// Invariants: nobody is told of success before the commit is durable; a body that throws is undone to its savepoint,
/// and what it saw and threw counts only if the transaction holds; where the transaction is lost as a whole (SQLite
/// gives it up by itself on a full disk, the commit fails), each of them is run again alone and told what came of that.
struct GroupCommit {
    /// Enough to make the sync cheap for each, few enough that nobody waits long for the others.
    static let mostWrites = 128
    static let longest = Duration.milliseconds(10)

    let database: Database
    let dialect: SQLDialect
    let signals: SignalHub
    let statistics: StorageStatistics

    /// Runs and ends the first of `writes`, as many as the time allows, and returns how many.
    func commit(_ writes: [QueuedTransaction]) -> Int {
        do {
            try database.beginTransaction(.immediate)
        } catch {
            for write in writes { write.finish(.failure(StorageError.translating(error))) }
            return writes.count
        }
        var run = Run(sharesCommit: writes.count > 1)
        do {
            let end = ContinuousClock.now + Self.longest
            for write in writes {
                try perform(write, &run)
                if ContinuousClock.now >= end { break }
            }
            try database.commit()
        } catch {
            return giveUp(writes, run, after: error)
        }
        statistics.add(.commits)
        statistics.add(.statements, run.statements)
        statistics.add(.writes, run.holding)
        for topic in run.topics { signals.post(topic) }
        for (write, result) in zip(writes, run.results) { write.finish(result) }
        return run.results.count
    }

    /// What the bodies of one transaction have led to so far.
    private struct Run {
        let sharesCommit: Bool
        var results: [Result<any Sendable, any Error>] = []
        var begun = 0
        var holding = 0
        var statements = 0
        var topics: Set<SignalTopic> = []
    }

    /// Throws where the whole transaction has to go.
    private func perform(_ write: QueuedTransaction, _ run: inout Run) throws {
        run.begun += 1
        if run.sharesCommit { try database.cachedStatement(sql: "SAVEPOINT part").execute() }
        let transaction = SQLiteTransaction(database, dialect: dialect)
        defer { run.statements += transaction.statements }
        do {
            let value = try write.run(in: transaction)
            // The body may have caught the error that cost us the transaction.
            if let loss = transaction.loss { throw loss }
            run.results.append(.success(value))
        } catch {
            guard run.sharesCommit, database.isInsideTransaction else { throw error }
            try database.cachedStatement(sql: "ROLLBACK TO part").execute()
            try database.cachedStatement(sql: "RELEASE part").execute()
            run.results.append(.failure(StorageError.translating(error)))
            return
        }
        if run.sharesCommit { try database.cachedStatement(sql: "RELEASE part").execute() }
        run.holding += 1
        run.topics.formUnion(transaction.topics)
    }

    private func giveUp(_ writes: [QueuedTransaction], _ run: Run, after error: any Error) -> Int {
        try? database.rollback()
        statistics.add(.statements, run.statements)
        guard run.sharesCommit else {
            writes[0].finish(.failure(StorageError.translating(error)))
            return 1
        }
        let begun = writes.prefix(run.begun)
        statistics.add(.retries, begun.count)
        for write in begun { _ = commit([write]) }
        return begun.count
    }
}
