import CSV
import Foundation
import Support

@testable import Imports

/// What checking one small file said.
struct CheckedFile {
    var problems: [RowProblem] = []
    var warnings: [RowProblem] = []
    var rejected: [Int] = []
    var rejectedBytes: [Range<Int>] = []
    var summary: ImportSummary

    /// `row line column code value → suggestion` of each problem, what is missing as `-`.
    var said: [String] { Self.said(problems) }

    var warned: [String] { Self.said(warnings) }

    private static func said(_ problems: [RowProblem]) -> [String] {
        problems.map { problem in
            let place = "\(problem.row.map(String.init) ?? "-") \(problem.line.map(String.init) ?? "-")"
            let value = problem.value.map { " '\($0)'" } ?? ""
            let suggestion = problem.suggestion.map { " → \($0)" } ?? ""
            return "\(place) \(problem.column ?? "-") \(problem.code.rawValue)\(value)\(suggestion)"
        }
    }

    init(
        _ bytes: [UInt8], as object: ImportObject, catalog: ObjectCatalog = .builtIn, charset: CSVCharset? = nil,
        cuts: [Int] = [], chunkRows: Int = 10_000, memory: Int = 16 << 20
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
        let directory = try TemporaryDirectory()
        let path = directory.file("file.csv")
        try Data(bytes).write(to: URL(filePath: path))
        var check = ImportCheck(
            schema: catalog[object], charset: charset, chunkRows: chunkRows,
            scratch: RowScratch(directory: directory.path, memory: memory))
        var start = 0
        for cut in cuts + [bytes.count] {
            try check.feed(Array(bytes[start..<cut]), take)
            start = cut
        }
        summary = try check.finish(take)
        warnings = try summary.complete(&problems, schema: catalog[object], rereading: path)
        self.problems = problems
        self.rejected = rejected
        self.rejectedBytes = rejectedBytes
    }

    init(
        _ text: String, as object: ImportObject, catalog: ObjectCatalog = .builtIn, chunkRows: Int = 10_000,
        memory: Int = 16 << 20
    ) throws {
        try self.init(Array(text.utf8), as: object, catalog: catalog, chunkRows: chunkRows, memory: memory)
    }
}
