import CausewayCore
public import Logging
public import Storage

/// Holds what is secret in the store against the keys of the settings, at each start.
public struct SecretSealing: Sendable {
    private static let batch = 100

    private let engine: any StorageEngine
    private let vault: SecretVault
    private let logger: Logger

    public init(engine: any StorageEngine, vault: SecretVault, logger: Logger) {
        self.engine = engine
        self.vault = vault
        self.logger = logger
    }

    /// A key of the settings is missing: webhooks of some subscriptions could not be signed.
    public struct KeyMissing: Error, Hashable, Sendable, CustomStringConvertible {
        public let keyID: String
        public var description: String {
            "Secrets of subscriptions are encrypted with the key \(keyID), which is neither secrets.key nor among "
                + "secrets.previous_keys. Put it back."
        }
    }

    /// Throws `KeyMissing`.
    public func check() async throws {
        let used = try await engine.read { try SubscriptionStore().keyIDs(in: $0) }
        if let missing = used.first(where: { !vault.knows($0) }) { throw KeyMissing(keyID: missing) }
    }

    /// Seals under the current key what stands in clear or under an earlier one, a few to a transaction. Does nothing
    /// without a current key.
    public func bringUp() async throws {
        guard let current = vault.keyID else { return }
        let store = SubscriptionStore(vault: vault)
        var place: Int64? = 0
        var count = 0
        while let after = place {
            let (next, sealed) = try await engine.write { [vault] transaction -> (Int64?, Int) in
                let found = try store.sealed(after: after, limit: Self.batch, in: transaction)
                let old = found.filter { $0.stored?.keyID != current }.map { $0.opened(by: vault) }
                for subscription in old where !subscription.isSealed {
                    try store.reseal(subscription, in: transaction)
                }
                return (found.count == Self.batch ? found.last?.number : nil, old.count)
            }
            place = next
            count += sealed
        }
        if count > 0 {
            logger.notice(
                "secrets of subscriptions were encrypted anew",
                metadata: ["subscriptions": "\(count)", "key": "\(current)"])
        }
    }
}
