public import CausewayCore
public import Storage

/// One request that carries an `Idempotency-Key`: the key counts for one caller, method and path.
public struct IdempotentRequest: Sendable, Hashable {
    public let caller: String
    /// `POST /v1/exports`
    public let operation: String
    public let key: String
    /// SHA-256 of the body.
    public let bodyHash: String

    public init(caller: String, operation: String, key: String, bodyHash: String) {
        self.caller = caller
        self.operation = operation
        self.key = key
        self.bodyHash = bodyHash
    }
}

/// The first 2xx that a request was answered with.
public struct StoredAnswer: Sendable, Hashable {
    public let status: Int
    public let location: String?
    public let body: String

    public init(status: Int, location: String?, body: String) {
        self.status = status
        self.location = location
        self.body = body
    }
}

/// What a request with an `Idempotency-Key` meets.
public enum IdempotencyOutcome: Sendable, Equatable {
    /// Nothing yet: the request is this caller's to carry out, under this mark.
    case first(IdempotencyMark)
    /// The same request was answered before.
    case replay(StoredAnswer)
    /// The same request is being carried out now.
    case inProgress
    /// The key was used for another body.
    case conflict
}

/// Who carries a request out. One that took too long is overtaken: another may begin, and the first can neither finish
/// nor take the other's mark away.
public struct IdempotencyMark: Sendable, Equatable {
    public let request: IdempotentRequest
    /// No two marks of a request have the same.
    public let runsOutAt: Timestamp

    /// What `IdempotencyLog.begin` makes at `now`, whether its commit is known to hold or not.
    public init(_ request: IdempotentRequest, at now: Timestamp) {
        self.request = request
        runsOutAt = now + IdempotencyLog.patience
    }
}

/// The mark has run out: what was done under it must not hold.
public struct IdempotencyOvertaken: Error {}

/// Remembers answers by `Idempotency-Key` for 24 hours.
///
/// The answer is stored in the transaction of the change itself. So where a process dies, either both are there
/// (and a second try is answered from here) or neither is (and the mark left by `begin` runs out).
public struct IdempotencyLog: Sendable {
    public static let lifetime = Duration.seconds(86_400)
    /// How long a request may take before another with its key may try.
    static let patience = Duration.seconds(60)

    public init() {}

    public func begin(
        _ request: IdempotentRequest, at now: Timestamp, in transaction: any Transaction
    ) throws -> IdempotencyOutcome {
        let mark = IdempotencyMark(request, at: now)
        // Old rows, and marks of those who died, count for nothing.
        let taken = try transaction.execute(
            """
            INSERT INTO idempotency_record (caller, operation, idempotency_key, body_hash, expires_at)
            VALUES (\(request.caller), \(request.operation), \(request.key), \(request.bodyHash),
                    \(mark.runsOutAt))
            ON CONFLICT (caller, operation, idempotency_key) DO UPDATE
            SET body_hash = excluded.body_hash, expires_at = excluded.expires_at, status = NULL, location = NULL,
                body = NULL
            WHERE idempotency_record.expires_at <= \(now)
            """)
        if taken == 1 { return .first(mark) }
        let row = try transaction.row(
            """
            SELECT * FROM idempotency_record
            WHERE caller = \(request.caller) AND operation = \(request.operation)
              AND idempotency_key = \(request.key)
            """)
        guard let row else { throw StorageError.conflict }
        if try row["body_hash"] as String != request.bodyHash { return .conflict }
        guard let status = try row["status"] as Int? else { return .inProgress }
        return .replay(StoredAnswer(status: status, location: try row["location"], body: try row["body"]))
    }

    /// Keeps the answer, in the transaction that makes it true. Throws `IdempotencyOvertaken`.
    public func finish(
        _ mark: IdempotencyMark, answer: StoredAnswer, at now: Timestamp, in transaction: any Transaction
    ) throws {
        let kept = try transaction.execute(
            """
            UPDATE idempotency_record
            SET status = \(answer.status), location = \(answer.location), body = \(answer.body),
                expires_at = \(now + Self.lifetime)
            WHERE \(query: holding(mark))
            """)
        if kept == 0 { throw IdempotencyOvertaken() }
    }

    /// Lets the request be tried again at once, unless it was finished: also where nobody knows, for what finished it
    /// holds the row until it is known.
    public func abandon(_ mark: IdempotencyMark, in transaction: any Transaction) throws {
        try transaction.execute("DELETE FROM idempotency_record WHERE \(query: holding(mark))")
    }

    private func holding(_ mark: IdempotencyMark) -> SQLQuery {
        """
        caller = \(mark.request.caller) AND operation = \(mark.request.operation)
            AND idempotency_key = \(mark.request.key) AND status IS NULL AND expires_at = \(mark.runsOutAt)
        """
    }

    /// Removes up to `limit` records whose time is over; returns how many. Passes over those that are being taken anew.
    public func prune(at now: Timestamp, limit: Int, in transaction: any Transaction) throws -> Int {
        try transaction.execute(
            """
            DELETE FROM idempotency_record WHERE (caller, operation, idempotency_key) IN (
                SELECT caller, operation, idempotency_key FROM idempotency_record
                WHERE expires_at <= \(now) ORDER BY expires_at LIMIT \(limit) \(query: transaction.dialect.skipLocked))
              AND expires_at <= \(now)
            """)
    }
}
