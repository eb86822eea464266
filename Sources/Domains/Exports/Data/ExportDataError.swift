/// Why the parts of an export do not make one table.
public enum ExportDataError: Error, Sendable, Hashable {
    /// The export ended in success without any file.
    case noFiles
    /// Two parts that do not belong together, by name and header.
    case differentHeaders(first: String, [String], other: String, [String])
    /// A file that cannot be read as CSV; with the reader's code for what is wrong.
    case unreadable(file: String, line: Int, code: String)
    /// A row with more cells than the header has.
    case raggedRow(file: String, line: Int)
    /// The part is another file than it was when its header was read.
    case changed(file: String)
    /// `columns` names one that is not there.
    case unknownColumn(String, near: String?)
    /// Two columns of the file have the same name.
    case ambiguousColumn(String)
    /// `columns` names one twice, or none.
    case notAList(String)

    /// Stable, snake_case.
    public var code: String {
        switch self {
        case .noFiles: "no_files"
        case .differentHeaders: "different_headers"
        case .unreadable, .raggedRow: "unreadable_file"
        case .changed: "file_changed"
        case .unknownColumn: "unknown_column"
        case .ambiguousColumn: "ambiguous_column"
        case .notAList: "invalid_columns"
        }
    }

    /// Whether `columns` is to blame.
    public var isAboutColumns: Bool {
        switch self {
        case .unknownColumn, .notAList: true
        case .noFiles, .differentHeaders, .unreadable, .raggedRow, .changed, .ambiguousColumn: false
        }
    }

    /// What is wrong and how to mend it.
    public var detail: String {
        switch self {
        case .noFiles: "The export ended in success without a file: there is no data."
        case .differentHeaders(let first, let names, let other, let others):
            """
            The parts do not have the same columns: \(first) has \(Self.line(names)), and \(other) has \
            \(Self.line(others)). Fetch the files one by one.
            """
        case .unreadable(let file, let line, let code):
            "\(file) cannot be read as CSV: \(code) in line \(line). Fetch the file itself."
        case .raggedRow(let file, let line):
            "\(file) has more cells than columns in line \(line). Fetch the file itself."
        case .changed(let file): "\(file) is another one at the vendor than a moment ago. Ask again."
        case .unknownColumn(let name, let near):
            "There is no column \(name)\(near.map { "; did you mean \($0)?" } ?? ".")"
        case .ambiguousColumn(let name):
            "Two columns are called \(name): name the columns wanted with `columns`, or fetch the files as CSV."
        case .notAList(let why): why
        }
    }

    private static func line(_ names: [String]) -> String {
        let text = names.joined(separator: ",")
        return text.count <= 500 ? text : text.prefix(500) + "…"
    }
}
