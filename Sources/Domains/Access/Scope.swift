/// What a key may do. A name of the contract, such as `exports:read`; `imports:write` also stands with an object
/// (`imports:write:customers`).
public struct Scope: Hashable, Sendable, CustomStringConvertible {
    public let name: String

    public var description: String { name }

    public static let exportsRead = Scope(known: "exports:read")
    public static let exportsWrite = Scope(known: "exports:write")
    public static let reportsRead = Scope(known: "reports:read")
    public static let subscriptionsRead = Scope(known: "subscriptions:read")
    public static let subscriptionsWrite = Scope(known: "subscriptions:write")
    public static let deliveriesRead = Scope(known: "deliveries:read")
    public static let deliveriesWrite = Scope(known: "deliveries:write")
    public static let eventsRead = Scope(known: "events:read")
    public static let importsRead = Scope(known: "imports:read")
    public static let importsWrite = Scope(known: "imports:write")
    public static let importsApprove = Scope(known: "imports:approve")
    public static let dataRead = Scope(known: "data:read")
    public static let dataWrite = Scope(known: "data:write")
    public static let auditRead = Scope(known: "audit:read")
    /// Keys, and all the rest.
    public static let admin = Scope(known: "admin")

    /// The right to import one object.
    public static func importsWrite(_ object: String) -> Scope { Scope(known: "imports:write:\(object)") }

    /// The six objects that can be imported.
    public static let importObjects = ["partners", "customers", "transactions", "rewards", "leads", "deals"]

    public static let all: [Scope] =
        [
            exportsRead, exportsWrite, reportsRead, subscriptionsRead, subscriptionsWrite, deliveriesRead,
            deliveriesWrite, eventsRead, importsRead, importsWrite, importsApprove, dataRead, dataWrite, auditRead,
            admin,
        ] + importObjects.map(importsWrite)

    /// Nil where there is no such scope.
    public init?(_ name: String) {
        guard let scope = Self.all.first(where: { $0.name == name }) else { return nil }
        self = scope
    }

    private init(known name: String) { self.name = name }

    /// Whether holding this scope is enough where `required` is asked for.
    func covers(_ required: Scope) -> Bool {
        self == required || self == .admin || required.name.hasPrefix(name + ":")
    }
}

/// Who calls: a stored key, or the one from the settings.
public struct Caller: Sendable, Hashable {
    /// `key_…`, or `admin_key`.
    public let id: String
    public let name: String
    public let scopes: [Scope]

    public init(id: String, name: String, scopes: [Scope]) {
        self.id = id
        self.name = name
        self.scopes = scopes
    }

    public func may(_ required: Scope) -> Bool {
        scopes.contains { $0.covers(required) }
    }
}
