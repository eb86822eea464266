import Storage

/// What PostgreSQL or the connection to it answered, and what that means for the transaction.
struct PostgresFailure: Error, CustomStringConvertible {
    enum Meaning {
        /// The connection is of no more use.
        case lost
        /// The server takes no changes: it is another one's follower by now, or the body only reads by its own word.
        case readOnly(StorageError)
        /// Others were in the way; the same again may go through.
        case conflict
        /// A prepared statement is not what it was: the schema has changed, or a pooler has given us another session.
        case statementsForgotten
        case other(StorageError)
    }

    let meaning: Meaning
    let description: String

    /// - Parameters:
    ///   - state: SQLSTATE; nil where the connection itself failed.
    ///   - message: the primary message: details hold values of rows.
    init(state: String?, isFatal: Bool, message: String, constraint: String? = nil, statement: String = "") {
        let state = state ?? ""
        // A value that did not fit its type stands in the message.
        // libpq tells a line for each address it has tried.
        let line = message.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        let words = state.hasPrefix("22") ? "a value does not fit" : line
        description = state.isEmpty ? words : "PostgreSQL \(state): \(words)"
        meaning =
            switch state {
            case "": .lost
            case "25006": .readOnly(.failed(detail: "PostgreSQL \(state): \(words) in \(statement)"))
            case _ where isFatal || state.hasPrefix("08") || state.hasPrefix("57P"): .lost
            case "40001", "40P01": .conflict
            case "26000", "42P05", "0A000": .statementsForgotten
            case "23505": .other(.uniqueViolation(detail: constraint ?? message))
            case "53100": .other(.full)
            case "55P03", "57014": .other(.busy)
            case "22021": .other(.textNotStorable)
            default: .other(.failed(detail: "PostgreSQL \(state): \(words) in \(statement)"))
            }
    }

    /// What is found there cannot be used: trying again does not help by itself.
    static func unfit(_ words: String) -> PostgresFailure {
        PostgresFailure(meaning: .other(.failed(detail: words)), description: words)
    }

    private init(meaning: Meaning, description: String) {
        self.meaning = meaning
        self.description = description
    }

    /// For the body whose statement it was; the engine decides by `meaning`.
    var storageError: StorageError {
        switch meaning {
        case .lost: .connectionLost(commitSent: false)
        case .conflict, .statementsForgotten: .conflict
        case .readOnly(let error), .other(let error): error
        }
    }
}
