import CausewayCore
import Glibc
import Logging
import Storage

/// What one thread does with its connection: runs bodies in transactions, again where they must be, and makes the
/// connection anew where it was lost.
final class PoolThread {
    private let mode: TransactionMode
    private let link: PostgresLink
    private var connection: PostgresConnection?
    private var backoff = Backoff()
    private var wasConnected = false
    /// When the last attempt to connect came to nothing; nil where it stood.
    private var failedAt: ContinuousClock.Instant?

    /// How often a body is run where others are in the way.
    private static let attempts = 8

    init(mode: TransactionMode, link: PostgresLink) {
        self.mode = mode
        self.link = link
    }

    func run(_ take: (_ hasShared: Bool) -> [ConnectionPool.Job]?) {
        var hasShared = false
        while let jobs = take(hasShared) {
            hasShared = jobs.first?.write.sharing == .shared
            if jobs.count == 1 || !runTogether(jobs) {
                for job in jobs { runAlone(job) }
            }
        }
    }

    // MARK: One body

    private func runAlone(_ job: ConnectionPool.Job) {
        var attempt = 1
        var losses = 0
        while true {
            let outcome: Outcome
            switch connect(until: job.deadline) {
            case .failure(let error): return job.write.finish(.failure(error))
            case .success(let connection): outcome = attemptAlone(job.write, connection)
            }
            switch outcome {
            case .ended(let result): return job.write.finish(result)
            case .again(let error):
                attempt += 1
                link.statistics.add(.retries)
                guard attempt <= Self.attempts else { return job.write.finish(.failure(error)) }
                // Apart from those it met, or they meet again.
                usleep(UInt32.random(in: 500...2_000 * UInt32(attempt * attempt)))
            case .lost(let error):
                link.statistics.add(.retries)
                guard ContinuousClock.now < job.deadline else { return job.write.finish(.failure(error)) }
                losses += 1
                // The first one is a connection that was closed while it stood idle. A server that takes connections and
                // loses each is not stormed.
                if losses > 1 { usleep(UInt32.random(in: 25_000...50_000) * UInt32(min(losses, 20))) }
            }
        }
    }

    private enum Outcome {
        case ended(Result<any Sendable, any Error>)
        case again(StorageError)
        case lost(StorageError)
    }

    private func attemptAlone(_ write: QueuedTransaction, _ connection: PostgresConnection) -> Outcome {
        let transaction = PostgresTransaction(connection, statistics: link.statistics)
        connection.begin(mode)
        let value: any Sendable
        do {
            value = try write.run(in: transaction)
            if let failure = transaction.failure { throw failure.storageError }
        } catch {
            giveUp(connection, after: transaction.failure)
            switch transaction.failure?.meaning {
            case .lost: return .lost(.connectionLost(commitSent: false))
            case .readOnly where mode == .readWrite:
                lose(transaction.failure)
                return .lost(.connectionLost(commitSent: false))
            case .conflict, .statementsForgotten: return .again(repeated(transaction.failure))
            case .readOnly, .other, nil:
                if case StorageError.conflict = error { return .again(.conflict) }
                return .ended(.failure(error))
            }
        }
        do throws(PostgresConnection.CommitFailure) {
            try connection.commit()
        } catch {
            return commitFailed(error, connection)
        }
        link.statistics.add(mode == .readOnly ? .reads : .writes)
        if mode == .readWrite { link.statistics.add(.commits) }
        link.post(transaction.topics)
        return .ended(.success(value))
    }

    private func commitFailed(_ error: PostgresConnection.CommitFailure, _ connection: PostgresConnection) -> Outcome {
        switch error {
        case .unknown(let failure):
            giveUp(connection, after: failure)
            // Of what was only read nothing is in doubt.
            return mode == .readOnly
                ? .lost(.connectionLost(commitSent: false))
                : .ended(.failure(StorageError.connectionLost(commitSent: true)))
        case .refused(let failure):
            giveUp(connection, after: failure)
            if case .other(let error) = failure.meaning { return .ended(.failure(error)) }
            return .again(repeated(failure))
        case .rolledBack:
            giveUp(connection, after: nil)
            return .again(.conflict)
        }
    }

    /// What is said where trying again has not helped.
    private func repeated(_ failure: PostgresFailure?) -> StorageError {
        if let failure, case .statementsForgotten = failure.meaning { return .failed(detail: failure.description) }
        return .conflict
    }

    // MARK: Several bodies, one commit

    /// False where one of them failed: then nothing was done, and each is to be run alone.
    private func runTogether(_ jobs: [ConnectionPool.Job]) -> Bool {
        guard case .success(let connection) = connect(until: jobs.map(\.deadline).min() ?? .now) else { return false }
        connection.begin(mode)
        var done: [(write: QueuedTransaction, value: any Sendable, topics: Set<SignalTopic>)] = []
        for job in jobs {
            let transaction = PostgresTransaction(connection, statistics: link.statistics)
            guard let value = try? job.write.run(in: transaction), transaction.failure == nil else {
                giveUp(connection, after: transaction.failure)
                link.statistics.add(.retries)
                return false
            }
            done.append((job.write, value, transaction.topics))
        }
        do throws(PostgresConnection.CommitFailure) {
            try connection.commit()
        } catch {
            guard case .ended(let result) = commitFailed(error, connection),
                case .failure(StorageError.connectionLost(commitSent: true)) = result
            else { return false }
            for job in jobs { job.write.finish(result) }
            return true
        }
        link.statistics.add(.commits)
        link.statistics.add(.writes, done.count)
        link.post(done.reduce(into: []) { $0.formUnion($1.topics) })
        for (write, value, _) in done { write.finish(.success(value)) }
        return true
    }

    // MARK: The connection

    private func giveUp(_ connection: PostgresConnection, after failure: PostgresFailure?) {
        switch failure?.meaning {
        // A session whose statements are not what they were is let go: a new one prepares them as they are now.
        case .lost, .statementsForgotten: lose(failure)
        default: if !connection.rollback() { lose(failure) }
        }
    }

    private func lose(_ failure: PostgresFailure?) {
        connection = nil
        link.logger.warning(
            "a connection to PostgreSQL was lost", metadata: ["error": "\(failure?.description ?? "no answer")"])
    }

    private func connect(until deadline: ContinuousClock.Instant) -> Result<PostgresConnection, StorageError> {
        if let connection { return .success(connection) }
        // To find out that nobody answers may take as long as a body waits: those behind it have waited already.
        if let failedAt, failedAt > deadline { return .failure(.connectionLost(commitSent: false)) }
        while true {
            do throws(PostgresFailure) {
                let made = try PostgresConnection(link.configuration, url: link.configuration.url)
                connection = made
                backoff = Backoff()
                failedAt = nil
                if wasConnected { link.statistics.add(.reconnects) }
                wasConnected = true
                ClockSkew.warn(made.clockSkew, link.logger)
                return .success(made)
            } catch {
                if case .other(let unfit) = error.meaning { return .failure(unfit) }
                failedAt = .now
                let pause = backoff.next()
                guard ContinuousClock.now + pause < deadline else {
                    link.logger.error("PostgreSQL cannot be reached", metadata: ["error": "\(error)"])
                    return .failure(.connectionLost(commitSent: false))
                }
                usleep(UInt32(pause.wholeMilliseconds * 1000))
            }
        }
    }
}

/// Waits between attempts to connect: 50 ms, 100 ms, … up to 2 s, moved by up to a fifth.
struct Backoff {
    private var pause = Duration.milliseconds(50)

    mutating func next() -> Duration {
        defer { pause = min(pause * 2, .seconds(2)) }
        return pause.jittered(by: 0.2)
    }
}

/// Leases are judged by each gateway's own clock.
enum ClockSkew {
    private static let allowed = Duration.seconds(2)

    static func warn(_ skew: Duration, _ logger: Logger) {
        guard skew > allowed || skew < .zero - allowed else { return }
        logger.warning(
            "this machine's clock and PostgreSQL's differ: gateways whose clocks differ take over each other's work early",
            metadata: ["milliseconds": "\(skew.wholeMilliseconds)"])
    }
}
