/// One statement in the SQL that every engine understands, with its arguments kept apart from its text.
///
///     let query: SQLQuery = "SELECT * FROM export WHERE id = \(id) AND status IN \(list: statuses)"
///
/// An interpolated value is always an argument, never text. Each engine writes the placeholders in its own
/// way (`?1`, `$1`), so the text is said once.
public struct SQLQuery: Sendable, ExpressibleByStringInterpolation {
    /// One more than there are arguments: an argument stands between each two.
    public private(set) var fragments: [String]
    public private(set) var arguments: [SQLValue]

    public init(stringLiteral text: String) {
        fragments = [text]
        arguments = []
    }

    public init(stringInterpolation: StringInterpolation) {
        fragments = stringInterpolation.fragments
        arguments = stringInterpolation.arguments
    }

    /// Text that is known only at run time, such as a placeholder-free clause or a migration's statement.
    public init(raw text: String) {
        self.init(stringLiteral: text)
    }

    /// The text of another with arguments of its own.
    init(_ other: SQLQuery, with arguments: [SQLValue]) {
        precondition(arguments.count == other.arguments.count, "as many arguments as the text has places for")
        fragments = other.fragments
        self.arguments = arguments
    }

    /// The text with placeholders numbered from 1.
    public func text(placeholder prefix: String) -> String {
        guard fragments.count > 1 else { return fragments[0] }
        var text = fragments[0]
        for index in 1..<fragments.count {
            text += prefix
            text += String(index)
            text += fragments[index]
        }
        return text
    }

    /// The text with a `?` for each argument, in their order. SQLite takes a numbered one for a name, of which it keeps a
    /// list and walks it for each argument: with the thousands of a batch that costs more than the statement.
    public var text: String { fragments.joined(separator: "?") }

    /// Of a schema: columns of text as the engine is to keep them.
    func declaringText(in dialect: SQLDialect) -> SQLQuery {
        guard dialect.textColumn != "TEXT" else { return self }
        var query = self
        query.fragments = fragments.map { fragment in
            fragment.replacing(" TEXT", with: " " + dialect.textColumn)
        }
        return query
    }

    public static func += (left: inout SQLQuery, right: SQLQuery) {
        left.fragments[left.fragments.count - 1] += right.fragments[0]
        left.fragments += right.fragments.dropFirst()
        left.arguments += right.arguments
    }

    /// Conditions joined by AND; no condition is always true.
    public static func all(_ conditions: [SQLQuery]) -> SQLQuery {
        guard var query = conditions.first else { return "1 = 1" }
        for condition in conditions.dropFirst() {
            query += " AND "
            query += condition
        }
        return query
    }

    public struct StringInterpolation: StringInterpolationProtocol {
        @usableFromInline var fragments = [""]
        @usableFromInline var arguments: [SQLValue] = []

        public init(literalCapacity: Int, interpolationCount: Int) {}

        public mutating func appendLiteral(_ literal: String) {
            fragments[fragments.count - 1] += literal
        }

        @inlinable public mutating func appendInterpolation(_ value: some SQLConvertible) {
            arguments.append(value.sqlValue)
            fragments.append("")
        }

        @inlinable public mutating func appendInterpolation(_ value: (some SQLConvertible)?) {
            arguments.append(value?.sqlValue ?? .null)
            fragments.append("")
        }

        /// `($1, $2, …)`; an empty list matches nothing.
        public mutating func appendInterpolation(list values: some Sequence<some SQLConvertible>) {
            appendLiteral("(")
            var isFirst = true
            for value in values {
                if !isFirst { appendLiteral(", ") }
                isFirst = false
                appendInterpolation(value)
            }
            appendLiteral(isFirst ? "NULL)" : ")")
        }

        /// Another query's text and arguments in this place.
        public mutating func appendInterpolation(query: SQLQuery) {
            fragments[fragments.count - 1] += query.fragments[0]
            fragments += query.fragments.dropFirst()
            arguments += query.arguments
        }
    }
}
