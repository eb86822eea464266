public import CausewayCore
public import Storage

public enum APIKeyKind: IdentifierKind { public static let prefix = "key" }
public typealias APIKeyID = Identifier<APIKeyKind>

/// An internal caller's key. Only a hash of its text is kept: 256 random bits need no slow hash.
public struct APIKey: Sendable {
    public let id: APIKeyID
    public let name: String
    public let scopes: [Scope]
    public let createdAt: Timestamp
    public let expiresAt: Timestamp?
    public let revokedAt: Timestamp?

    /// What every key's text begins with, so that leaked ones can be searched for.
    public static let textPrefix = "cwy_"

    public var json: JSONValue {
        [
            "id": .string(id.text), "name": .string(name), "scopes": .array(scopes.map { .string($0.name) }),
            "created_at": .string(createdAt.rfc3339), "expires_at": .optional(expiresAt),
            "revoked_at": .optional(revokedAt),
        ]
    }
}

extension APIKey: RowDecodable {
    public init(row: ResultRow) throws {
        id = try row["id"]
        name = try row["name"]
        // A scope this version does not know gives no right.
        scopes = (try row["scopes"] as String).split(separator: " ").compactMap { Scope(String($0)) }
        createdAt = try row["created_at"]
        expiresAt = try row["expires_at"]
        revokedAt = try row["revoked_at"]
    }
}

/// A key as it is shown once, to the one who made it.
public struct IssuedKey: Sendable {
    public let key: APIKey
    public let text: Secret
}
