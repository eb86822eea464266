import CSV

/// Puts late findings into words, for which the rows are looked at a second time: their lines, columns and values.
struct LateProblems {
    private let schema: ObjectSchema
    private let findings: [LateFinding]
    /// What to call the imports that findings speak of.
    private let imports: [String]
    private var text: ProblemText?
    private var next = 0
    /// The rows that are repeated further on, and the lines they begin at.
    private var repeated: Set<UInt32> = []
    private var lines: [UInt32: Int] = [:]
    private(set) var problems: [RowProblem] = []
    /// Of no rows, for the file's columns.
    private(set) var amountTotals = AmountTotals()

    /// - Parameter findings: in the file's order.
    init(schema: ObjectSchema, findings: [LateFinding], imports: [String] = []) {
        self.schema = schema
        self.findings = findings
        self.imports = imports
        repeated = Set(findings.lazy.filter { $0.kind != .alreadyForwarded }.map(\.other))
    }

    var isDone: Bool { next == findings.count }

    mutating func take(_ record: CSVRecord, _ bytes: RawSpan, _ cells: Span<CSVCell>) {
        guard record.number > 0 else {
            let names = cells.indices.map { cells[$0].text(in: bytes) }
            let header = HeaderCheck(schema: schema, names: names, line: record.line, byteOffset: record.byteOffset)
            text = ProblemText(schema: schema, plan: header.plan)
            amountTotals = AmountTotals(fields: header.plan.fields)
            return
        }
        let row = UInt32(clamping: record.number)
        if repeated.contains(row) { lines[row] = record.line }
        while next < findings.count, findings[next].row == row {
            if let text { problems.append(problem(findings[next], text, record, bytes, cells)) }
            next += 1
        }
    }

    private func problem(
        _ finding: LateFinding, _ text: ProblemText, _ record: CSVRecord, _ bytes: RawSpan, _ cells: Span<CSVCell>
    ) -> RowProblem {
        var problem = text.problem(RowFault(code: finding.kind.code, column: finding.column), record, bytes, cells)
        problem.message = message(finding, problem.column)
        return problem
    }

    /// Those of rows that were not seen.
    mutating func finish() {
        while next < findings.count {
            let finding = findings[next]
            problems.append(
                RowProblem(row: Int(finding.row), code: finding.kind.code, message: message(finding, nil)))
            next += 1
        }
    }

    private func message(_ finding: LateFinding, _ column: String?) -> String {
        let other = "row \(finding.other)" + (lines[finding.other].map { " (line \($0))" } ?? "")
        switch finding.kind {
        case .duplicateKey:
            return "\(column ?? "The same") stands in \(other) already: both mean the same one. Leave one of them out."
        case .duplicateRow:
            let besides = finding.isBesideKey ? ", but for a key that only one of them has" : ""
            return "The row says the same as \(other)\(besides). Both are imported; take one out if that is a mistake."
        case .alreadyForwarded:
            let besides = finding.isBesideKey ? ", the same but for a key that only one of them has" : ""
            let earlier = imports.indices.contains(Int(finding.otherImport)) ? imports[Int(finding.otherImport)] : "?"
            return """
                The row went out, or is about to, with \(earlier) as its row \(finding.other)\(besides). Leave it out; send the \
                file with force=true only if it is meant to be imported a second time.
                """
        }
    }
}

extension ImportSummary {
    /// Adds to the problems of the rows what shows only when all rows are known: what is there twice, or was forwarded
    /// before. Reads the file a second time, where there is something of the kind, as far as that goes. Throws
    /// `FileStoreError`.
    /// - Parameters:
    ///   - problems: what the check has handed out, in the file's order; so they are afterwards.
    ///   - path: of the file that was checked, as it was fed. Without it there are no lines and values.
    /// - Returns: the warnings, in the file's order.
    public mutating func complete(
        _ problems: inout [RowProblem], schema: ObjectSchema, rereading path: String?
    ) throws -> [RowProblem] {
        let errors = lateErrors.first
        let warnings = lateWarnings.first
        guard !errors.isEmpty || !warnings.isEmpty else { return [] }
        var words = LateProblems(
            schema: schema, findings: (errors + warnings).sorted(by: LateFinding.isBefore), imports: lateImports)
        // What the valid rows come to is less than was counted.
        var remaining: AmountTotals?
        let isCounted = !errors.isEmpty && !amounts.isEmpty
        let leftOut = leftOutRows
        if let path {
            let more = { isCounted || !words.isDone }
            try SecondReading.rows(of: path, self, schema, while: more) { record, bytes, cells in
                words.take(record, bytes, cells)
                guard isCounted else { return }
                if record.number == 0 {
                    remaining = words.amountTotals
                } else if !leftOut.contains(record.number) {
                    remaining?.add(bytes, cells)
                }
            }
        }
        words.finish()
        if let remaining { amounts = remaining.totals }
        let said = words.problems
        problems = Self.merged(problems, said.filter { $0.code != .duplicateRow })
        storedProblems = problems.count
        firstProblems = Array(problems.prefix(firstProblemLimit))
        let told = said.filter { $0.code == .duplicateRow }
        firstWarnings = Array(told.prefix(firstProblemLimit))
        storedWarnings = told.count
        return told
    }

    /// In the file's order, as many as are kept.
    private static func merged(_ left: [RowProblem], _ right: [RowProblem]) -> [RowProblem] {
        var merged: [RowProblem] = []
        merged.reserveCapacity(min(left.count + right.count, ImportCheck.problemLimit))
        var (first, second) = (left[...], right[...])
        while merged.count < ImportCheck.problemLimit {
            guard let one = first.first else {
                merged += second.prefix(ImportCheck.problemLimit - merged.count)
                break
            }
            // What is wrong with the file as a whole has no row, and stands where it was found.
            if let other = second.first, let row = one.row, (other.row ?? 0) < row {
                merged.append(other)
                second.removeFirst()
            } else {
                merged.append(one)
                first.removeFirst()
            }
        }
        return merged
    }
}
