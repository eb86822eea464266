import Testing

@testable import Imports

@Suite("Cells that a spreadsheet would take for formulas")
struct FormulaGuardTests {
    @Test(
        "get an apostrophe; numbers and all else stay as they are",
        arguments: [
            ("=1+1", "'=1+1"), ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"), ("-2+3", "'-2+3"),
            ("@SUM(1)", "'@SUM(1)"),
            ("\t=1", "'\t=1"), ("-500", "-500"), ("+1.5", "+1.5"), ("-", "'-"), ("-1.2.3", "'-1.2.3"), ("", ""),
            ("a=1", "a=1"), ("5", "5"), ("-1e5", "'-1e5"),
        ])
    func cells(cell: String, guarded: String) {
        #expect(FormulaGuard.guarded(cell) == guarded)
    }

    @Test(
        "within a record, whatever it is written like",
        arguments: [
            ("a,=1,b\n", "a,'=1,b\n"), ("\"=SUM(1,2)\",x\r\n", "\"'=SUM(1,2)\",x\r\n"), ("=1", "'=1"), (",,\n", ",,\n"),
            ("\"a\"\"=1\",\"\"\"=1\"\n", "\"a\"\"=1\",\"\"\"=1\"\n"), ("x,-5,=2\r", "x,-5,'=2\r"), ("\n", "\n"),
            ("\"\",=1\n", "\"\",'=1\n"), ("a,\"=b\nc\",-d", "a,\"'=b\nc\",'-d"), ("é,@ü\n", "é,'@ü\n"),
        ])
    func records(record: String, guarded: String) {
        var bytes: [UInt8] = []
        FormulaGuard.append(record: Array(record.utf8)[...], delimiter: UInt8(ascii: ","), to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == guarded)
    }
}
