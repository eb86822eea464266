import CSV
import Foundation
import Imports
import Testing

@Suite("Checking a file on several processors")
struct ParallelImportCheckTests {
    /// All that comes out of a check, in order.
    struct Outcome: Equatable {
        var problems: [RowProblem] = []
        var rejected: [Range<Int>] = []
        var rejectedRows: [[Int]] = []
        var summary: [String] = []

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
        outcome.summary = try check.finish { outcome.take($0) }.facts
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
        outcome.summary = try check.finish { outcome.take($0) }.facts
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
