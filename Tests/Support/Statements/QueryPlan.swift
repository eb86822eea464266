public import Storage

/// How an engine finds the rows of a statement.
public struct QueryPlan: Sendable {
    /// The engine's own lines.
    public let lines: [String]
    /// What reads more than it needs: tables read whole, indexes walked without a condition, rows sorted.
    public let flaws: [Flaw]

    public enum Flaw: Hashable, Sendable {
        /// Also what the statement brings itself, under the name it has there.
        case reads(table: String)
        /// In the order of an index, from its one end.
        case walks(index: String)
        case sorts
    }

    /// On PostgreSQL the plan it would take if tables were too large to be read whole, sorted or hashed: what is left of
    /// that has no index to go by.
    public init(of query: SQLQuery, in transaction: any Transaction) throws {
        let isExplained = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"].contains { query.fragments[0].hasPrefix($0) }
        guard isExplained else {
            (lines, flaws) = ([], [])
            return
        }
        switch transaction.dialect.name {
        case .sqlite:
            lines = try transaction.rows("EXPLAIN QUERY PLAN \(query: query)").map { try $0["detail"] }
            let text = query.text(placeholder: "?")
            flaws = lines.compactMap { Self.sqliteFlaw($0, in: text) }
        case .postgres:
            for way in ["seqscan", "bitmapscan", "sort", "hashjoin", "mergejoin"] {
                try transaction.execute(SQLQuery(raw: "SET LOCAL enable_\(way) = off"))
            }
            lines = try transaction.rows("EXPLAIN \(query: query)").map { try $0["QUERY PLAN"] }
            flaws = Self.postgresFlaws(lines)
        }
    }

    private static func sqliteFlaw(_ line: String, in statement: String) -> Flaw? {
        if line.hasPrefix("USE TEMP B-TREE FOR ORDER BY") { return .sorts }
        guard let scan = line.wholeMatch(of: /SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?.*/) else { return nil }
        if let index = scan.2 { return .walks(index: String(index)) }
        // Named by what the statement calls it.
        let tables = statement.matches(of: /(?:FROM|JOIN|UPDATE) (\w+) (?:AS )?(\w+)/)
        return .reads(table: String(tables.first { $0.2 == scan.1 }?.1 ?? scan.1))
    }

    /// A node's conditions stand in the lines after it.
    private static func postgresFlaws(_ lines: [String]) -> [Flaw] {
        var flaws: [Flaw] = []
        var walked: String?
        for line in lines {
            let node = line.trimmingPrefix { $0 == " " || $0 == "-" || $0 == ">" }
            if node.hasPrefix("Index Cond") { walked = nil }
            guard line.contains("(cost=") else { continue }
            if let index = walked.take() { flaws.append(.walks(index: index)) }
            let words = node.split(separator: " ").map(String.init)
            if node.hasPrefix("Seq Scan on ") { flaws.append(.reads(table: words[3])) }
            if node.hasPrefix("Sort ") || node.hasPrefix("Incremental Sort ") { flaws.append(.sorts) }
            if node.hasPrefix("Index"), let using = words.firstIndex(of: "using") { walked = words[using + 1] }
        }
        if let index = walked { flaws.append(.walks(index: index)) }
        return flaws
    }
}
