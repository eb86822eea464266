import CSV
import Foundation
import Support
import Testing

@testable import Imports

@Suite("Checking a file on several processors")
struct ParallelImportCheckTests {
    /// All that comes out of a check, in order.
    struct Outcome: Equatable {
        var problems: [RowProblem] = []
        var rejected: [Range<Int>] = []
        var rejectedRows: [[Int]] = []
        var summary: [String] = []
        var leftOut = RowSet()

        mutating func take(_ finding: ImportFinding) {
            switch finding {
            case .problem(let problem): problems.append(problem)
            case .rejected(let row, let line, let bytes):
                rejected.append(bytes)
                rejectedRows.append([row, line])
            }
        }
    }

    func inSequence(_ bytes: [UInt8], _ object: ImportObject) throws -> Outcome {
        var outcome = Outcome()
        var check = ImportCheck(schema: ObjectCatalog.builtIn[object])
        try check.feed(bytes) { outcome.take($0) }
        let summary = try check.finish { outcome.take($0) }
        outcome.summary = summary.facts
        outcome.leftOut = summary.leftOutRows
        return outcome
    }

    func inBlocks(
        _ bytes: [UInt8], _ object: ImportObject, threads: Int, block: Int, piece: Int
    ) throws -> Outcome {
        var outcome = Outcome()
        var check = ParallelImportCheck(schema: ObjectCatalog.builtIn[object], threads: threads, blockSize: block)
        for start in stride(from: 0, to: bytes.count, by: piece) {
            let part = Array(bytes[start..<min(start + piece, bytes.count)])
            try unsafe check.feed(part.span.bytes) { outcome.take($0) }
        }
        let summary = try check.finish { outcome.take($0) }
        outcome.summary = summary.facts
        outcome.leftOut = summary.leftOutRows
        return outcome
    }

    static let files: [ImportCheckTests.Case] =
        ImportCheckTests.files + ImportCheckTests.rows + ImportCheckTests.good.map { ($0.object, $0.text, []) }
        + [
            // Line ends in quotes, where a border between blocks is a wrong guess.
            (
                .customers, "email,name\n" + String(repeating: "a@b.co,\"x\ny,z\n\"\"q\"\"\n\"\n@,\"\n\"\n", count: 9),
                []
            ),
            (.customers, "email,name\n" + String(repeating: "a@b.co,\"x\n", count: 120), []),
            (.customers, "email,name\r" + String(repeating: "a@b.co,x\r", count: 9) + "@,\r\n", []),
            (.customers, "email,name\r\n" + String(repeating: "a@b.co,x\r\n,\r\n\r\n@,y\r\n", count: 9), []),
        ]

    @Test("says the same as one after the other, wherever blocks and parts end", arguments: files)
    func same(file: ImportCheckTests.Case) throws {
        let bytes = Array(file.text.utf8)
        let expected = try inSequence(bytes, file.object)
        for (threads, block, piece) in [
            (1, 1, 1), (1, 10, 25), (2, 1, 7), (2, 16, 64), (3, 5, 5), (2, 40, 1000), (2, 1 << 20, 1 << 20),
        ] {
            let found = try inBlocks(bytes, file.object, threads: threads, block: block, piece: piece)
            guard found != expected else { continue }
            Issue.record("\(threads) threads, blocks of \(block), parts of \(piece)\n\(found)\n---\n\(expected)")
        }
    }

    @Test("names a byte that is no UTF-8 by its place in the file, and reads nothing behind it")
    func failure() throws {
        let bytes =
            Array(("email,name\n" + String(repeating: "a@b.co,x\n@,y\n", count: 40)).utf8) + [0xE9, 10]
            + Array("a@b.co,x\n".utf8)
        let expected = try inSequence(bytes, .customers)
        #expect(expected.problems.last?.code == .invalidEncoding)
        #expect(expected.problems.last?.row == 81)
        #expect(try inBlocks(bytes, .customers, threads: 2, block: 30, piece: 100) == expected)
    }

    @Test("keeps the first 10,000 problems of a file that has more, and counts them all")
    func manyProblems() throws {
        let bytes = Array(("email,created_at\n" + String(repeating: "@,2021-13-01\n", count: 8000)).utf8)
        let expected = try inSequence(bytes, .customers)
        #expect(expected.problems.count == 10_000)
        #expect(expected.summary.contains { $0.hasPrefix("16000 problems") })
        #expect(try inBlocks(bytes, .customers, threads: 2, block: 5000, piece: 20_000) == expected)
    }

    @Test("adds up the same, and finds the same rows twice")
    func sums() throws {
        var text = "partner_key,amount_in_dollars,body,currency\n"
        for row in 0..<3000 {
            let amount = row % 7 == 0 ? "1,00" : "\(row % 50).5"
            text += "p\(row % 40),\"\(amount)\",for row \(row % 900),\(["USD", "EUR", ""][row % 3])\n"
        }
        let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).csv")
        try Data(text.utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let schema = ObjectCatalog.builtIn[.rewards]

        func completed(_ summary: ImportSummary, _ outcome: Outcome) throws -> (Outcome, [RowProblem]) {
            var (summary, outcome) = (summary, outcome)
            let warnings = try summary.complete(&outcome.problems, schema: schema, rereading: file.path)
            outcome.summary = summary.facts
            return (outcome, warnings)
        }
        var one = Outcome()
        var check = ImportCheck(schema: schema)
        try check.feed(Array(text.utf8)) { one.take($0) }
        let expected = try completed(try check.finish { one.take($0) }, one)
        #expect(expected.1.count > 100)
        var other = Outcome()
        var blocks = ParallelImportCheck(schema: schema, threads: 2, blockSize: 700)
        try unsafe blocks.feed(Array(text.utf8).span.bytes) { other.take($0) }
        let found = try completed(try blocks.finish { other.take($0) }, other)
        #expect(found.0 == expected.0)
        #expect(found.1 == expected.1)
    }

    /// Rows of many kinds, one in seven of which says what an earlier one said.
    static func repetitive(_ object: ImportObject, rows: Int) -> String {
        var generator = SplitMix(state: UInt64(rows))
        var text: String
        switch object {
        case .partners: text = "partner_key,partner_email,first_name\n"
        case .customers: text = "name,email\n"
        case .transactions: text = "key,customer_key,amount\n"
        default: text = "partner_key,amount_in_cents,body\n"
        }
        for row in 1...rows {
            // Near, far away, or always the same.
            let said =
                switch generator.next() % 21 {
                case 0: max(0, row - 1 - Int(generator.next() % 3))
                case 1: Int(generator.next() % UInt64(row))
                case 2: 7
                default: row
                }
            switch object {
            case .partners: text += "\(said % 11 == 0 ? "" : "p\(row - said % 2)"),P\(said)@example.com,\(row)\n"
            case .customers: text += "\"x\ny \(row)\",c\(said)\(row % 50 == 3 ? "" : "@example.com")\n"
            // What is said again comes with a key, with none, with another.
            case .transactions: text += "\(row % 3 == 0 ? "" : "k\(row - row % 40 / 39)"),c\(said % 5),\(said)\n"
            default: text += "p\(said % 5),\(said)\(row % 40 == 5 ? "x" : ""),\"Bonus, \(said)\"\n"
            }
            if row % 97 == 0 { text += ",,\n" }
        }
        return text
    }

    @Test(
        "finds the same things twice across blocks, whatever fits into memory",
        arguments: [ImportObject.partners, .customers, .transactions, .rewards], [0, 6000, 12 << 20])
    func duplicates(object: ImportObject, memory: Int) throws {
        let text = Self.repetitive(object, rows: 8000)
        let schema = ObjectCatalog.builtIn[object]
        let expected = try CheckedFile(text, as: object)
        #expect(expected.problems.count + expected.warnings.count > 500)
        let directory = try TemporaryDirectory()
        let path = directory.file("file.csv")
        try Data(text.utf8).write(to: URL(filePath: path))
        for (threads, block) in [(1, 3000), (2, 700), (4, 20_000)] {
            var check = ParallelImportCheck(
                schema: schema, threads: threads, blockSize: block,
                scratch: RowScratch(directory: directory.path, memory: memory))
            var found = Outcome()
            try unsafe check.feed(Array(text.utf8).span.bytes) { found.take($0) }
            var summary = try check.finish { found.take($0) }
            let warnings = try summary.complete(&found.problems, schema: schema, rereading: path)
            #expect(found.problems == expected.problems)
            #expect(warnings == expected.warnings)
            #expect(summary.facts == expected.summary.facts)
            #expect(summary.leftOutRows == expected.summary.leftOutRows)
        }
    }

    @Test("leaves out of the sum what the same key refuses, once")
    func sumsWithoutRefused() throws {
        var text = "key,customer_email,amount,currency\n"
        for row in 0..<2000 {
            text += "key_\(row % 1500),a@example.com,\(row % 5 == 0 ? "x" : "100"),\(row % 2 == 0 ? "USD" : "EUR")\n"
        }
        let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).csv")
        try Data(text.utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let schema = ObjectCatalog.builtIn[.transactions]
        var results: [[String]] = []
        for threads in [0, 2] {
            var problems: [RowProblem] = []
            func take(_ finding: ImportFinding) {
                if case .problem(let problem) = finding { problems.append(problem) }
            }
            var summary: ImportSummary
            if threads == 0 {
                var check = ImportCheck(schema: schema)
                try check.feed(Array(text.utf8), take)
                summary = try check.finish(take)
            } else {
                var check = ParallelImportCheck(schema: schema, threads: threads, blockSize: 900)
                try unsafe check.feed(Array(text.utf8).span.bytes, take)
                summary = try check.finish(take)
            }
            _ = try summary.complete(&problems, schema: schema, rereading: file.path)
            #expect(summary.amounts.reduce(0) { $0 + $1.rows } == summary.validRows)
            results.append(summary.facts + problems.map { "\($0)" })
        }
        #expect(results[0] == results[1])
    }

    @Test("reads other encodings one after the other")
    func otherEncodings() throws {
        let bytes = [0xFF, 0xFE] + Array(try #require("email\na@b.co\n@\n".data(using: .utf16LittleEndian)))
        let found = try inBlocks(bytes, .customers, threads: 2, block: 8, piece: 8)
        #expect(found == (try inSequence(bytes, .customers)))
        #expect(found.summary.contains { $0.contains("utf16LittleEndian") })
    }

    @Test("stops where whoever takes the findings throws")
    func sinkThrows() {
        struct Full: Error {}
        #expect(throws: Full.self) {
            var check = ParallelImportCheck(schema: ObjectCatalog.builtIn[.customers], blockSize: 10)
            let bytes = Array(("email\n" + String(repeating: "x\n", count: 100)).utf8)
            try unsafe check.feed(bytes.span.bytes) { _ in }
            _ = try check.finish { _ in throw Full() }
        }
    }
}
