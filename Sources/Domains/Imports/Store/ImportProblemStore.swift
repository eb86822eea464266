public import CausewayCore
public import Storage

/// The table of what is wrong with uploaded files, in the order of the file.
public struct ImportProblemStore: Sendable {
    /// In one statement.
    private static let batch = 50

    public init() {}

    /// - Parameter warnings: their numbers go on behind the problems'.
    func insert(
        _ problems: [RowProblem], warnings: [RowProblem] = [], of id: ImportID, in transaction: any Transaction
    ) throws {
        try insert(problems, isWarning: false, before: 0, of: id, in: transaction)
        try insert(warnings, isWarning: true, before: problems.count, of: id, in: transaction)
    }

    private func insert(
        _ problems: [RowProblem], isWarning: Bool, before: Int, of id: ImportID, in transaction: any Transaction
    ) throws {
        var number = 0
        while number < problems.count {
            // Whole batches and single ones, so that only two statement texts exist.
            let count = problems.count - number >= Self.batch ? Self.batch : 1
            var query: SQLQuery = """
                INSERT INTO import_problem (
                    import_id, number, is_warning, row_number, line, byte_offset, column_name, code, value, message,
                    suggestion)
                VALUES 
                """
            for index in number..<number + count {
                let problem = problems[index]
                if index > number { query += ", " }
                query += """
                    (\(id), \(before + index + 1), \(isWarning), \(problem.row), \(problem.line), \(problem.byteOffset),
                     \(problem.column), \(problem.code), \(problem.value), \(problem.message), \(problem.suggestion))
                    """
            }
            try transaction.execute(query)
            number += count
        }
    }

    /// In the order of the file.
    /// - Parameter warnings: those instead of the errors.
    public func list(
        _ page: PageRequest, warnings: Bool = false, of id: ImportID, in transaction: any Transaction
    ) throws -> Page<RowProblem> {
        let after = page.after.flatMap { Int($0) } ?? 0
        let rows = try transaction.rows(
            """
            SELECT * FROM import_problem WHERE import_id = \(id) AND number > \(after) AND is_warning = \(warnings)
            ORDER BY number LIMIT \(page.limit + 1)
            """)
        let found = try rows.map { (number: try $0["number"] as Int, problem: try RowProblem(row: $0)) }
        return Page(fetched: found, limit: page.limit, key: { String($0.number) }).map(\.problem)
    }
}
