public import CausewayCore

/// What a column can hold. Times are integers (epoch milliseconds), JSON is text, booleans are 0 and 1.
public enum SQLValue: Hashable, Sendable {
    case null
    case integer(Int64)
    case real(Double)
    case text(String)

    /// U+0000, which PostgreSQL cannot keep in a text.
    public var holdsNUL: Bool {
        if case .text(let text) = self { text.utf8.contains(0) } else { false }
    }
}

extension SQLValue: ExpressibleByNilLiteral, ExpressibleByIntegerLiteral, ExpressibleByStringLiteral {
    public init(nilLiteral: ()) { self = .null }
    public init(integerLiteral number: Int64) { self = .integer(number) }
    public init(stringLiteral text: String) { self = .text(text) }
}

/// A Swift value that can be bound to a parameter and read from a column.
public protocol SQLConvertible {
    var sqlValue: SQLValue { get }

    /// Nil where the column holds something else.
    init?(sqlValue: SQLValue)
}

extension String: SQLConvertible {
    @inlinable public var sqlValue: SQLValue { .text(self) }
    @inlinable public init?(sqlValue: SQLValue) {
        guard case .text(let text) = sqlValue else { return nil }
        self = text
    }
}

extension Int64: SQLConvertible {
    @inlinable public var sqlValue: SQLValue { .integer(self) }
    @inlinable public init?(sqlValue: SQLValue) {
        guard case .integer(let number) = sqlValue else { return nil }
        self = number
    }
}

extension Int: SQLConvertible {
    @inlinable public var sqlValue: SQLValue { .integer(Int64(self)) }
    @inlinable public init?(sqlValue: SQLValue) {
        guard case .integer(let number) = sqlValue else { return nil }
        self = Int(number)
    }
}

extension Double: SQLConvertible {
    @inlinable public var sqlValue: SQLValue { .real(self) }
    @inlinable public init?(sqlValue: SQLValue) {
        switch sqlValue {
        case .real(let number): self = number
        case .integer(let number): self = Double(number)
        default: return nil
        }
    }
}

extension Bool: SQLConvertible {
    @inlinable public var sqlValue: SQLValue { .integer(self ? 1 : 0) }
    @inlinable public init?(sqlValue: SQLValue) {
        guard case .integer(let number) = sqlValue else { return nil }
        self = number != 0
    }
}

extension Optional: SQLConvertible where Wrapped: SQLConvertible {
    @inlinable public var sqlValue: SQLValue { self?.sqlValue ?? .null }
    @inlinable public init?(sqlValue: SQLValue) {
        if case .null = sqlValue {
            self = .none
        } else if let wrapped = Wrapped(sqlValue: sqlValue) {
            self = .some(wrapped)
        } else {
            return nil
        }
    }
}

extension Timestamp: SQLConvertible {
    @inlinable public var sqlValue: SQLValue { .integer(milliseconds) }
    @inlinable public init?(sqlValue: SQLValue) {
        guard case .integer(let number) = sqlValue else { return nil }
        self.init(milliseconds: number)
    }
}

extension Identifier: SQLConvertible {
    @inlinable public var sqlValue: SQLValue { .text(text) }
    @inlinable public init?(sqlValue: SQLValue) {
        guard case .text(let text) = sqlValue else { return nil }
        self.init(parsing: text)
    }
}

extension JSONValue: SQLConvertible {
    @inlinable public var sqlValue: SQLValue { .text(text) }
    @inlinable public init?(sqlValue: SQLValue) {
        guard case .text(let text) = sqlValue, let value = try? JSONValue(parsing: text) else { return nil }
        self = value
    }
}

/// An enumeration with text cases is stored as that text: `extension Status: SQLConvertible {}` is enough.
extension SQLConvertible where Self: RawRepresentable, RawValue == String {
    @inlinable public var sqlValue: SQLValue { .text(rawValue) }
    @inlinable public init?(sqlValue: SQLValue) {
        guard case .text(let text) = sqlValue else { return nil }
        self.init(rawValue: text)
    }
}
