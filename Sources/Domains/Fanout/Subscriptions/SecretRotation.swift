import CausewayCore

/// A new secret in the place of the one there is, which signs on beside it for a time of grace.
struct SecretRotation: Sendable {
    /// In seconds.
    static let defaultGrace = 86_400
    static let longestGrace: Int64 = 30 * 86_400
    /// How many secrets may sign at once: each adds a signature to every webhook.
    static let mostLive = 5

    let grace: Duration
    let secret: SigningSecret

    /// The secrets from `now` on, the new one first; no older one outlives the grace. Throws
    /// `FanoutError.tooManySecrets`.
    func applied(to terms: SubscriptionTerms, at now: Timestamp) throws(FanoutError) -> [LiveSecret] {
        let end = now + grace
        let older = terms.secrets.compactMap { live -> LiveSecret? in
            var live = live
            live.expiresAt = min(live.expiresAt ?? end, end)
            return live.signs(at: now) ? live : nil
        }
        guard older.count < Self.mostLive else {
            throw .tooManySecrets(until: older.compactMap(\.expiresAt).min() ?? end)
        }
        let keyPair: SigningKeyPair? = terms.signatures.contains(.v1a) ? .random() : nil
        return [LiveSecret(secret, keyPair: keyPair)] + older
    }
}
