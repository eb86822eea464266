import CausewayCore
import Events
import Storage

/// Subscriptions in the database, with the side tables by which events find them.
struct SubscriptionStore: Sendable {
    private let log = EventLog()
    private let vault: SecretVault

    init(vault: SecretVault = SecretVault()) { self.vault = vault }

    /// A subscription and how its endpoint fares.
    static let columns: SQLQuery = """
        SELECT s.*, l.pace, l.failures, l.failing_since, l.warned_at, l.probe_at, l.answers_since
        """
    static let tables: SQLQuery = "FROM subscription s JOIN delivery_lane l ON l.subscription_number = s.number"

    func insert(_ terms: SubscriptionTerms, at now: Timestamp, in transaction: any Transaction) throws -> Subscription {
        guard
            let counter = try transaction.row(
                "UPDATE subscription_sequence SET last = last + 1 WHERE name = 'subscription' RETURNING last")
        else { throw StorageError.failed(detail: "subscriptions have no counter") }
        let subscription = Subscription(
            id: SubscriptionID(at: now), number: try counter["last"], terms: terms, enabled: true, createdAt: now,
            afterSequence: try log.lastSequence(in: transaction), version: 1, disabledReason: nil, disabledAt: nil,
            health: LaneHealth(pace: 1))
        let text = try StoredTerms(terms, of: subscription, vault)
        try transaction.execute(
            """
            INSERT INTO subscription (number, id, url, events, description, filter, format, headers, max_in_flight,
                                      rate_per_second, ordering, retry_schedule, signatures, secrets, secrets_key,
                                      enabled, created_at, after_sequence, version)
            VALUES (\(subscription.number), \(subscription.id), \(terms.url), \(text.events), \(terms.description),
                    \(text.filter), \(terms.format), \(text.headers), \(terms.maxInFlight), \(terms.ratePerSecond),
                    \(terms.ordering), \(text.retrySchedule), \(text.signatures), \(text.secrets),
                    \(text.keyID), 1, \(now), \(subscription.afterSequence), 1)
            """)
        // An endpoint that nobody knows begins as slowly as one that comes back.
        try transaction.execute(
            "INSERT INTO delivery_lane (subscription_number, blocked_until, pace) VALUES (\(subscription.number), 0, 1)"
        )
        try insertSelectors(subscription.number, terms, in: transaction)
        return subscription
    }

    func subscription(
        _ id: SubscriptionID, in transaction: any Transaction, locking: Bool = false
    ) throws -> Subscription? {
        let found: Subscription? = try transaction.first(
            """
            \(query: Self.columns) \(query: Self.tables) WHERE s.id = \(id) AND s.deleted_at IS NULL
            \(query: locking ? transaction.dialect.forUpdate(of: "s") : "")
            """)
        return found?.opened(by: vault)
    }

    func subscriptions(_ numbers: some Collection<Int64>, in transaction: any Transaction) throws -> [Subscription] {
        guard !numbers.isEmpty else { return [] }
        let found: [Subscription] = try transaction.all(
            """
            \(query: Self.columns) \(query: Self.tables) WHERE s.number IN \(query: BatchRows.numbers(numbers))
            """)
        return found.map { $0.opened(by: vault) }
    }

    /// Waits for whoever changes them; before their lanes, as everybody does.
    func lock(_ numbers: [Int64], in transaction: any Transaction) throws {
        guard !numbers.isEmpty, !transaction.dialect.isSingleProcess else { return }
        _ = try transaction.rows(
            """
            SELECT number FROM subscription WHERE number IN \(query: BatchRows.numbers(numbers))
            ORDER BY number \(query: transaction.dialect.forUpdate)
            """)
    }

    /// Those of these numbers that are not deleted.
    func existing(_ numbers: [Int64], in transaction: any Transaction) throws -> [Subscription] {
        guard !numbers.isEmpty else { return [] }
        return try transaction.all(
            """
            \(query: Self.columns) \(query: Self.tables)
            WHERE s.number IN \(query: BatchRows.numbers(numbers)) AND s.deleted_at IS NULL
            """)
    }

    /// The next that are there after a number, as they stand in the store, for whoever seals them anew.
    func sealed(after number: Int64, limit: Int, in transaction: any Transaction) throws -> [Subscription] {
        try transaction.all(
            """
            \(query: Self.columns) \(query: Self.tables) WHERE s.number > \(number) AND s.deleted_at IS NULL
            ORDER BY s.number LIMIT \(limit) \(query: transaction.dialect.forUpdate(of: "s"))
            """)
    }

    /// Seals what is secret of one anew.
    func reseal(_ subscription: Subscription, in transaction: any Transaction) throws {
        let text = try StoredTerms(subscription.terms, of: subscription, vault)
        try transaction.execute(
            """
            UPDATE subscription SET secrets = \(text.secrets), headers = \(text.headers), secrets_key = \(text.keyID)
            WHERE number = \(subscription.number)
            """)
    }

    /// The keys that something is sealed with.
    func keyIDs(in transaction: any Transaction) throws -> [String] {
        try transaction.rows("SELECT DISTINCT secrets_key FROM subscription WHERE secrets_key IS NOT NULL")
            .map { try $0["secrets_key"] }
    }

    /// Newest first. A page's key is the subscription's number.
    func page(_ request: PageRequest, in transaction: any Transaction) throws -> Page<Subscription> {
        let before = request.after.flatMap(Int64.init) ?? .max
        let found: [Subscription] = try transaction.all(
            """
            \(query: Self.columns) \(query: Self.tables) WHERE s.deleted_at IS NULL AND s.number < \(before)
            ORDER BY s.number DESC LIMIT \(request.limit + 1)
            """)
        return Page(fetched: found.map { $0.opened(by: vault) }, limit: request.limit) { String($0.number) }
    }

    /// Writes all that can be changed; `enabled` apart.
    func update(_ subscription: Subscription, to terms: SubscriptionTerms, in transaction: any Transaction) throws {
        let text = try StoredTerms(terms, of: subscription, vault)
        try transaction.execute(
            """
            UPDATE subscription
            SET url = \(terms.url), events = \(text.events), description = \(terms.description),
                filter = \(text.filter), format = \(terms.format), headers = \(text.headers),
                max_in_flight = \(terms.maxInFlight), rate_per_second = \(terms.ratePerSecond),
                ordering = \(terms.ordering), retry_schedule = \(text.retrySchedule),
                signatures = \(text.signatures), secrets = \(text.secrets),
                secrets_key = \(text.keyID), version = version + 1
            WHERE number = \(subscription.number)
            """)
        try deleteSelectors(subscription.number, in: transaction)
        try insertSelectors(subscription.number, terms, in: transaction)
    }

    func enable(_ number: Int64, in transaction: any Transaction) throws {
        try transaction.execute(
            """
            UPDATE subscription SET enabled = 1, disabled_at = NULL, disabled_reason = NULL, version = version + 1
            WHERE number = \(number)
            """)
    }

    /// Returns false where it is disabled already: why and since when stay. Of one that did nothing but fail it may turn
    /// out that it is gone, and its owner may want it to stay disabled.
    @discardableResult
    func disable(
        _ number: Int64, because reason: Subscription.Disabled, at now: Timestamp, in transaction: any Transaction
    ) throws -> Bool {
        try transaction.execute(
            """
            UPDATE subscription
            SET enabled = 0, disabled_at = \(now), disabled_reason = \(reason), version = version + 1
            WHERE number = \(number) AND (enabled = 1 OR (disabled_reason = 'failures' AND \(reason) <> 'failures'))
            """) == 1
    }

    /// The row stays, without what is secret, for as long as deliveries name it.
    func delete(_ number: Int64, at now: Timestamp, in transaction: any Transaction) throws {
        try transaction.execute(
            """
            UPDATE subscription SET deleted_at = \(now), secrets = '[]', headers = '{}',
                                    secrets_key = NULL, enabled = 0,
                                    version = version + 1
            WHERE number = \(number)
            """)
        try deleteSelectors(number, in: transaction)
        try transaction.execute("DELETE FROM delivery_lane WHERE subscription_number = \(number)")
    }

    private func insertSelectors(_ number: Int64, _ terms: SubscriptionTerms, in transaction: any Transaction) throws {
        let dimensions = terms.filter.dimensionCount
        for type in terms.events ?? [EventMatching.everyType] {
            try transaction.execute(
                """
                INSERT INTO subscription_topic (subscription_number, type, dimensions)
                VALUES (\(number), \(type), \(dimensions))
                """)
        }
        for (dimension, values) in terms.filter.values {
            for value in values {
                try transaction.execute(
                    """
                    INSERT INTO subscription_filter (dimension, value, subscription_number, dimensions)
                    VALUES (\(dimension), \(value), \(number), \(dimensions))
                    """)
            }
        }
    }

    private func deleteSelectors(_ number: Int64, in transaction: any Transaction) throws {
        try transaction.execute("DELETE FROM subscription_topic WHERE subscription_number = \(number)")
        try transaction.execute("DELETE FROM subscription_filter WHERE subscription_number = \(number)")
    }
}

/// The members that are kept as JSON.
private struct StoredTerms {
    let events: String?
    let filter: String
    let headers: String
    let retrySchedule: String?
    let signatures: String
    let secrets: String
    /// Of the key that sealed headers and secrets.
    let keyID: String?

    /// What no key we have opens stays as it stands in the store.
    init(_ terms: SubscriptionTerms, of subscription: Subscription, _ vault: SecretVault) throws {
        events = terms.events.map { JSONText.encode($0) }
        filter = JSONText.encode(
            Dictionary(uniqueKeysWithValues: terms.filter.values.map { ($0.key.rawValue, $0.value) }))
        retrySchedule = terms.retrySchedule?.text
        signatures = JSONText.encode(terms.signatures.map(\.rawValue))
        if let stored = subscription.stored, terms.secrets.isEmpty {
            guard terms.headers.isEmpty else { throw FanoutError.secretSealed }
            (secrets, headers, keyID) = (stored.secrets, stored.headers, stored.keyID)
        } else {
            let id = subscription.id.text
            secrets = try vault.seal(LiveSecret.stored(terms.secrets), of: id, "secrets")
            headers = try vault.seal(JSONText.encode(terms.headers), of: id, "headers")
            keyID = vault.keyID
        }
    }
}
