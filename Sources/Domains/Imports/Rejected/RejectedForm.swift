public import CSV

/// How refused rows are handed back. With neither wish each byte is as it came; else the text is UTF-8.
public struct RejectedForm: Sendable, Hashable {
    /// A first column `_errors` says what is wrong with the row.
    public var isAnnotated: Bool
    /// Cells that a spreadsheet would take for formulas get an apostrophe before them.
    public var isForExcel: Bool

    public init(isAnnotated: Bool = false, isForExcel: Bool = false) {
        self.isAnnotated = isAnnotated
        self.isForExcel = isForExcel
    }

    public static let errorsColumn = "_errors"

    /// Each byte as it came.
    public var isVerbatim: Bool { !isAnnotated && !isForExcel }
}

/// Writes pieces of refused rows as they are wanted. The first column holds the errors, so that rows with too many or
/// too few cells keep their shape; a row whose cells cannot be told apart is one cell then.
public struct RejectedWriter: Sendable {
    private let form: RejectedForm
    private let delimiter: UInt8
    private let encoding: CSVEncoding
    private let errors: [Int: [RowProblem]]
    private let areAllKept: Bool
    private var isAtStart = true
    private var isWithinRow = false

    /// - Parameters:
    ///   - delimiter: of the file.
    ///   - encoding: of the file.
    ///   - problems: those that were kept.
    ///   - areAllKept: there are no others.
    public init(
        _ form: RejectedForm, delimiter: CSVDelimiter, encoding: CSVEncoding, problems: [RowProblem], areAllKept: Bool
    ) {
        self.form = form
        self.delimiter = delimiter.byte
        self.encoding = encoding
        self.areAllKept = areAllKept
        errors = Dictionary(grouping: problems.filter { $0.row != nil }) { $0.row ?? 0 }
    }

    public mutating func append(_ piece: RejectedRows.Piece, _ content: ArraySlice<UInt8>, to bytes: inout [UInt8]) {
        guard !form.isVerbatim else {
            bytes += encoding == .utf8 ? content : unsafe encoding.bytes(of: content.span.bytes)[...]
            return
        }
        if isAtStart, form.isForExcel, !content.starts(with: ProblemTable.byteOrderMark) {
            bytes += ProblemTable.byteOrderMark
        }
        isAtStart = false
        let isFirst = !isWithinRow
        isWithinRow = !piece.isLast
        if form.isAnnotated, isFirst, piece.kind != .opening {
            quote(piece.kind == .header ? RejectedForm.errorsColumn : words(piece.row), to: &bytes)
            bytes.append(delimiter)
        }
        switch piece.kind {
        case .broken: appendAsOneCell(content, isFirst: isFirst, isLast: piece.isLast, to: &bytes)
        case .row where form.isForExcel, .header where form.isForExcel:
            FormulaGuard.append(record: content, delimiter: delimiter, to: &bytes)
        case .opening, .header, .row: bytes += content
        }
    }

    private func appendAsOneCell(
        _ content: ArraySlice<UInt8>, isFirst: Bool, isLast: Bool, to bytes: inout [UInt8]
    ) {
        var text = content
        if isLast { while let last = text.last, last == 0x0A || last == 0x0D { text.removeLast() } }
        if isFirst { bytes.append(UInt8(ascii: "\"")) }
        if isFirst, form.isForExcel, FormulaGuard.isFormula(text) { bytes.append(FormulaGuard.apostrophe) }
        for byte in text {
            if byte == UInt8(ascii: "\"") { bytes.append(byte) }
            bytes.append(byte)
        }
        if isLast { bytes += Array("\"\n".utf8) }
    }

    private func words(_ row: Int) -> String {
        guard let problems = errors[row] else {
            return areAllKept ? "" : "The errors of this row are not kept: the file has too many."
        }
        let said = problems.map { problem in
            let column = problem.column.map { " \($0):" } ?? ":"
            let instead = problem.suggestion.map { " Put: \($0)" } ?? ""
            return "\(problem.code.rawValue)\(column) \(problem.message)\(instead)"
        }
        return "row \(row): " + said.joined(separator: " | ")
    }

    private func quote(_ text: String, to bytes: inout [UInt8]) {
        bytes += Array("\"\(text.replacing("\"", with: "\"\""))\"".utf8)
    }
}
