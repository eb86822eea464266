import CSV
import Testing

@Suite("Writing CSV")
struct CSVWriterTests {
    @Test(
        "cells are quoted only where they must be",
        arguments: [
            (["a", "b"], "a,b\n"), (["a,b", "c\"d"], "\"a,b\",\"c\"\"d\"\n"), (["x\ny", ""], "\"x\ny\",\n"),
            ([""], "\"\"\n"), (["", ""], ",\n"), (["é;x"], "é;x\n"),
        ])
    func quoting(cells: [String], expected: String) {
        #expect(CSVWriter().record(cells) == expected)
    }

    @Test("what is written is read as it was")
    func roundTrip() throws {
        let rows = [["h", "i"], ["a\"b", "c,d"], ["\r\n", "\""], ["", " x "], ["日本", "🦊"]]
        for delimiter in CSVDelimiter.allCases {
            let writer = CSVWriter(delimiter: delimiter, lineEnd: .carriageReturnLineFeed)
            let text = rows.map(writer.record).joined()
            #expect(try read(Array(text.utf8), delimiter: delimiter).cells == rows)
        }
    }
}
