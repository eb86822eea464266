import CSV

/// What is wrong with a file, as a CSV of its own: `errors.csv`.
public struct ProblemTable: Sendable {
    public static let columns = [
        "row", "line", "byte_offset", "column", "code", "value", "message", "suggestion",
    ]
    static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

    /// Cells that a spreadsheet would take for formulas get an apostrophe, and the file begins with the byte order mark
    /// without which Excel does not read UTF-8.
    private let isForExcel: Bool
    private let writer = CSVWriter()

    public init(isForExcel: Bool = false) {
        self.isForExcel = isForExcel
    }

    /// The header, first in the file.
    public func appendHeader(to bytes: inout [UInt8]) {
        if isForExcel { bytes += Self.byteOrderMark }
        writer.append(Self.columns, to: &bytes)
    }

    public func append(_ problem: RowProblem, to bytes: inout [UInt8]) {
        func text(_ number: Int?) -> String { number.map(String.init) ?? "" }
        append(
            [
                text(problem.row), text(problem.line), text(problem.byteOffset), problem.column ?? "",
                problem.code.rawValue, problem.value ?? "", problem.message, problem.suggestion ?? "",
            ], to: &bytes)
    }

    /// Says last that there are more than were kept; nothing where there are not.
    public func appendRest(total: Int, stored: Int, to bytes: inout [UInt8]) {
        guard total > stored else { return }
        let words = "\(total - stored) more are not listed: the first \(stored) of \(total) are kept."
        append(["", "", "", "", "more_errors", "", words, ""], to: &bytes)
    }

    private func append(_ cells: [String], to bytes: inout [UInt8]) {
        writer.append(isForExcel ? cells.map(FormulaGuard.guarded) : cells, to: &bytes)
    }
}
