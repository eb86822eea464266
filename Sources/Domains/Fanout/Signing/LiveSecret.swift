public import CausewayCore

/// What signs a subscription's webhooks from one rotation to the next, and for a time of grace after that.
public struct LiveSecret: Hashable, Sendable {
    public let secret: SigningSecret
    /// Nil where `v1a` was never asked for.
    public var keyPair: SigningKeyPair?
    /// When it ends to sign; nil for the current one.
    public var expiresAt: Timestamp?

    public init(_ secret: SigningSecret, keyPair: SigningKeyPair? = nil, expiresAt: Timestamp? = nil) {
        self.secret = secret
        self.keyPair = keyPair
        self.expiresAt = expiresAt
    }

    public static func random() -> LiveSecret { LiveSecret(.random()) }

    /// `whsec_…`, as the subscriber gets it.
    public var text: Secret { secret.text }

    func signs(at now: Timestamp) -> Bool { expiresAt.map { now < $0 } ?? true }
}

extension LiveSecret {
    /// As the store keeps them: a list of objects, or of texts alone as earlier versions wrote it.
    static func stored(_ secrets: [LiveSecret]) -> String {
        JSONValue.array(
            secrets.map { live in
                var members: [String: JSONValue] = ["secret": .string(live.text.reveal())]
                if let pair = live.keyPair { members["private_key"] = .string(pair.privateText.reveal()) }
                if let time = live.expiresAt { members["expires_at"] = .integer(time.milliseconds) }
                return .object(members)
            }
        ).text
    }

    /// Nil where the text is no such list.
    static func parse(stored text: String) -> [LiveSecret]? {
        guard let values = try? JSONValue(parsing: text).array else { return nil }
        let secrets = values.compactMap { value -> LiveSecret? in
            guard let secret = (value.string ?? value["secret"]?.string).flatMap({ SigningSecret(parsing: $0) }) else {
                return nil
            }
            return LiveSecret(
                secret, keyPair: value["private_key"]?.string.flatMap { SigningKeyPair(parsing: $0) },
                expiresAt: value["expires_at"]?.integer.map { Timestamp(milliseconds: $0) })
        }
        return secrets.count == values.count ? secrets : nil
    }
}
