public import CausewayCore
public import OutboundHTTP
public import Storage

/// What callers do with subscriptions. Each change is one transaction, in which `recording` writes down what the
/// caller must leave behind (audit, idempotency); where it throws, nothing has happened.
public struct SubscriptionOperations: Sendable {
    public typealias Recording = @Sendable (Subscription, any Transaction) throws -> Void

    private let engine: any StorageEngine
    private let time: any TimeSource
    private let input: SubscriptionInput
    private let store: SubscriptionStore
    private let open = OpenDeliveries()
    private let lanes = DeliveryLanes()

    /// - Parameter egress: what `deliveries.allow_networks` opens; a URL with a literal address is judged by it.
    ///   `vault`: seals and opens what is secret.
    public init(
        engine: any StorageEngine, time: any TimeSource, egress: EgressPolicy, vault: SecretVault = SecretVault()
    ) {
        self.engine = engine
        self.time = time
        self.input = SubscriptionInput(egress: egress)
        store = SubscriptionStore(vault: vault)
    }

    /// - Parameter body: the members of a POST. It gets events published from now on.
    /// Throws `FanoutError.invalid` with every mistake.
    public func create(_ body: JSONValue, recording: @escaping Recording) async throws -> Subscription {
        let terms = try input.terms(from: body)
        return try await engine.write { [store, time] transaction in
            let subscription = try store.insert(terms, at: time.now(), in: transaction)
            try recording(subscription, transaction)
            return subscription
        }
    }

    /// Throws `FanoutError.subscriptionNotFound`.
    public func subscription(_ id: SubscriptionID) async throws -> Subscription {
        try await engine.read { [self] in try existing(id, in: $0) }
    }

    /// Newest first.
    public func list(_ page: PageRequest) async throws -> Page<Subscription> {
        try await engine.read { [store] in try store.page(page, in: $0) }
    }

    /// - Parameter body: the members of a PATCH: those absent stay as they are. Disabling holds what is still to be
    ///   sent, enabling releases it.
    /// Throws `FanoutError`.
    public func update(
        _ id: SubscriptionID, _ body: JSONValue, recording: @escaping Recording
    ) async throws -> Subscription {
        try await engine.write { [self] transaction in
            let before = try held(id, in: transaction)
            if before.isSealed { try input.checkSealed(body) }
            let change = try input.change(before.terms, enabled: before.enabled, by: body)
            try store.update(before, to: change.terms, in: transaction)
            let now = time.now()
            try lanes.lock([before.number], in: transaction)
            // Another endpoint starts with a clean sheet.
            if change.terms.url != before.terms.url { try lanes.forgive(before.number, in: transaction) }
            if change.enabled, !before.enabled {
                try store.enable(before.number, in: transaction)
                try lanes.welcome(before.number, in: transaction)
            } else if !change.enabled, before.enabled || body["enabled"] != nil {
                try lanes.stopProbing(before.number, in: transaction)
                try store.disable(before.number, because: .request, at: now, in: transaction)
            }
            if change.terms.maxInFlight != before.terms.maxInFlight
                || change.terms.ratePerSecond != before.terms.ratePerSecond
            {
                try lanes.moveOn([before.number], at: now, in: transaction)
                transaction.signal(DeliveryEngine.topic)
            }
            // What is held is put into its order when it is released.
            let isReordered = change.enabled && change.terms.ordering != before.terms.ordering
            if change.enabled != before.enabled || isReordered {
                try open.follow(before.number, at: now, in: transaction)
            }
            let after = try existing(id, in: transaction)
            try recording(after, transaction)
            return after
        }
    }

    /// Puts a new secret in the place of the one there is.
    /// - Parameter body: `grace`, for how many seconds the older ones sign too, and `secret`, made where it is left out.
    /// Throws `FanoutError`.
    public func rotateSecret(
        _ id: SubscriptionID, _ body: JSONValue, recording: @escaping Recording
    ) async throws -> Subscription {
        let rotation = try input.rotation(from: body)
        return try await engine.write { [self] transaction in
            let before = try held(id, in: transaction)
            // The older secrets could not sign on, and the headers would be lost.
            guard !before.isSealed else { throw FanoutError.secretSealed }
            var terms = before.terms
            terms.secrets = try rotation.applied(to: terms, at: time.now())
            try store.update(before, to: terms, in: transaction)
            let after = try existing(id, in: transaction)
            try recording(after, transaction)
            return after
        }
    }

    /// Cancels what is still to be sent; an attempt under way is let finish.
    /// Throws `FanoutError.subscriptionNotFound`.
    public func delete(_ id: SubscriptionID, recording: @escaping Recording) async throws {
        try await engine.write { [self] transaction in
            let subscription = try held(id, in: transaction)
            let now = time.now()
            try store.delete(subscription.number, at: now, in: transaction)
            try open.follow(subscription.number, at: now, in: transaction)
            try recording(subscription, transaction)
        }
    }

    private func existing(_ id: SubscriptionID, in transaction: any Transaction) throws -> Subscription {
        guard let subscription = try store.subscription(id, in: transaction) else {
            throw FanoutError.subscriptionNotFound
        }
        return subscription
    }

    /// As whoever changed it last has left it; nobody else changes it until the transaction's end.
    private func held(_ id: SubscriptionID, in transaction: any Transaction) throws -> Subscription {
        guard let subscription = try store.subscription(id, in: transaction, locking: true) else {
            throw FanoutError.subscriptionNotFound
        }
        return subscription
    }
}
