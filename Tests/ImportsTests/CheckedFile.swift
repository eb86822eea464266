import CSV
import Imports

/// What checking one small file said.
struct CheckedFile {
    var problems: [RowProblem] = []
    var rejected: [Int] = []
    var rejectedBytes: [Range<Int>] = []
    var summary: ImportSummary

    /// `row line column code value → suggestion` of each problem, what is missing as `-`.
    var said: [String] {
        problems.map { problem in
            let place = "\(problem.row.map(String.init) ?? "-") \(problem.line.map(String.init) ?? "-")"
            let value = problem.value.map { " '\($0)'" } ?? ""
            let suggestion = problem.suggestion.map { " → \($0)" } ?? ""
            return "\(place) \(problem.column ?? "-") \(problem.code.rawValue)\(value)\(suggestion)"
        }
    }

    init(
        _ bytes: [UInt8], as object: ImportObject, catalog: ObjectCatalog = .builtIn, charset: CSVCharset? = nil,
        cuts: [Int] = [],
        chunkRows: Int = 10_000
    ) throws {
        var problems: [RowProblem] = []
        var rejected: [Int] = []
        var rejectedBytes: [Range<Int>] = []
        func take(_ finding: ImportFinding) {
            switch finding {
            case .problem(let problem): problems.append(problem)
            case .rejected(let row, _, let bytes):
                rejected.append(row)
                rejectedBytes.append(bytes)
            }
        }
        var check = ImportCheck(schema: catalog[object], charset: charset, chunkRows: chunkRows)
        var start = 0
        for cut in cuts + [bytes.count] {
            try check.feed(Array(bytes[start..<cut]), take)
            start = cut
        }
        summary = try check.finish(take)
        self.problems = problems
        self.rejected = rejected
        self.rejectedBytes = rejectedBytes
    }

    init(
        _ text: String, as object: ImportObject, catalog: ObjectCatalog = .builtIn, chunkRows: Int = 10_000
    ) throws {
        try self.init(Array(text.utf8), as: object, catalog: catalog, chunkRows: chunkRows)
    }
}
