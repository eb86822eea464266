public import CausewayCore
public import Storage

/// Making, listing, revoking and checking keys.
public struct KeyOperations: Sendable {
    private let engine: any StorageEngine
    private let time: any TimeSource
    private let adminKey: Secret?
    private let cache = KeyCache()

    /// - Parameter adminKey: a key from the settings with every scope, which needs no record.
    public init(engine: any StorageEngine, time: any TimeSource, adminKey: Secret? = nil) {
        self.engine = engine
        self.time = time
        self.adminKey = adminKey
    }

    /// Makes a key. Its text cannot be had again.
    public func create(
        name: String, scopes: [Scope], expiresAt: Timestamp?,
        recording: @escaping @Sendable (IssuedKey, any Transaction) throws -> Void
    ) async throws -> IssuedKey {
        let now = time.now()
        let text = APIKey.textPrefix + RandomToken.make(bytes: 32)
        let key = APIKey(
            id: APIKeyID(at: now), name: name, scopes: scopes, createdAt: now, expiresAt: expiresAt, revokedAt: nil)
        let issued = IssuedKey(key: key, text: Secret(text))
        return try await engine.write { transaction in
            try transaction.execute(
                """
                INSERT INTO api_key (id, name, scopes, hash, created_at, expires_at)
                VALUES (\(key.id), \(key.name), \(key.scopes.map(\.name).joined(separator: " ")),
                        \(Digest.sha256Hex(text)), \(key.createdAt), \(key.expiresAt))
                """)
            try recording(issued, transaction)
            return issued
        }
    }

    /// Newest first, revoked ones too.
    public func list(_ page: PageRequest) async throws -> Page<APIKey> {
        let keys: [APIKey] = try await engine.read { transaction in
            let after: SQLQuery = page.after.map { "WHERE id < \($0)" } ?? ""
            return try transaction.all(
                "SELECT * FROM api_key \(query: after) ORDER BY id DESC LIMIT \(page.limit + 1)")
        }
        return Page(fetched: keys, limit: page.limit) { $0.id.text }
    }

    /// Ends a key: here at once, in other processes within `KeyCache.lifetime`. Nil where there is none; revoking twice is no error.
    public func revoke(
        _ id: APIKeyID, recording: @escaping @Sendable (APIKey, any Transaction) throws -> Void
    ) async throws -> APIKey? {
        let now = time.now()
        // Also where nobody knows whether it holds.
        defer { cache.clear() }
        return try await engine.write { transaction in
            let revoked: APIKey? = try transaction.first(
                "UPDATE api_key SET revoked_at = COALESCE(revoked_at, \(now)) WHERE id = \(id) RETURNING *")
            guard let revoked else { return nil }
            try recording(revoked, transaction)
            return revoked
        }
    }

    /// Who holds the key `text`; nil where it is unknown, revoked or expired.
    public func authenticate(_ text: String) async throws -> Caller? {
        if let adminKey, adminKey.matches(text) {
            return Caller(id: "admin_key", name: "admin_key", scopes: [.admin])
        }
        guard text.hasPrefix(APIKey.textPrefix), text.utf8.count <= 256 else { return nil }
        let hash = Digest.sha256Hex(text)
        let key: APIKey?
        switch cache.look(for: hash, at: time.now()) {
        case .kept(let kept): key = kept
        case .missing(let generation):
            let askedAt = time.now()
            key = try await engine.read { transaction in
                try transaction.first("SELECT * FROM api_key WHERE hash = \(hash)")
            }
            if let key { cache.keep(key, for: hash, askedAt: askedAt, generation: generation) }
        }
        guard let key, key.revokedAt == nil else { return nil }
        if let expiresAt = key.expiresAt, expiresAt <= time.now() { return nil }
        return Caller(id: key.id.text, name: key.name, scopes: key.scopes)
    }
}
