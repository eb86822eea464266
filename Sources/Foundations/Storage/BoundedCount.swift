extension Transaction {
    /// How many rows there are, counted up to a bound: what is looked at often must not cost more with every row.
    /// - Parameter rows: what follows `FROM`, conditions included.
    public func count(_ rows: SQLQuery, upTo bound: Int = 100_000) throws -> Int {
        try row(
            "SELECT COUNT(*) AS found FROM (SELECT 1 AS one FROM \(query: rows) LIMIT \(bound)) AS counted"
        )?["found"] ?? 0
    }
}
