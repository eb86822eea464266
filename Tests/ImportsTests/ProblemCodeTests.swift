import Imports
import Testing

@Suite("What is said of each mistake")
struct ProblemCodeTests {
    private static let long = String(repeating: "é", count: 32_001)

    /// A small file for each code that one file by itself can have.
    static let files: [(code: ProblemCode, object: ImportObject, text: String)] = [
        (.emptyFile, .customers, ""), (.noRows, .customers, "email\n"), (.binaryFile, .customers, "%PDF-1.7\n"),
        (.missingColumn, .customers, "name\nx\n"), (.duplicateColumn, .customers, "email,EMAIL\na@b.co,a@b.co\n"),
        (.unknownColumn, .customers, "email,\(long.prefix(500))\na@b.co,x\n"),
        (.tooManyColumns, .customers, "email" + String(repeating: ",a", count: 1000) + "\n"),
        (.headerTooLong, .customers, "email," + String(repeating: "a", count: 40_000) + "\nx\n"),
        (.raggedRow, .customers, "email,name\na@b.co\n"),
        (.unclosedQuote, .customers, "email,name\na@b.co,\"\(long.prefix(300))\nb@b.co,B\n"),
        (.textAfterQuote, .customers, "email,name\na@b.co,\"x\"\(long.prefix(300))\n"),
        (.recordTooLong, .customers, "email,name\na@b.co,\"" + String(repeating: "x", count: 500 << 10) + "\"\n"),
        (.cellTooLong, .customers, "email,name\na@b.co,\(long)\n"),
        (.nulByte, .customers, "email,name\na@b.co,x\u{0}\n"),
        (.required, .customers, "email,name\n,B\n"), (.atLeastOneOf, .partners, "partner_key,tier\n,Gold\n"),
        (.exactlyOneOf, .rewards, "partner_key,partner_email,amount_in_cents,body\np,a@b.co,1,x\n"),
        (.requiresColumn, .rewards, "partner_key,target_type,amount_in_cents,body\np,customer,1,x\n"),
        (.invalidEmail, .customers, "email\n\(long.prefix(300))@\n"),
        (.invalidDate, .customers, "email,created_at\na@b.co,\(long.prefix(300))\n"),
        (.invalidAmount, .transactions, "customer_key,amount\na,\(long.prefix(300))\n"),
        (.invalidCurrency, .transactions, "customer_key,amount,currency\na,1,\(long.prefix(300))\n"),
        (.invalidEnum, .rewards, "partner_key,amount_in_cents,body,status\np,1,x,\(long.prefix(300))\n"),
        (.invalidBoolean, .rewards, "partner_key,amount_in_cents,body,is_external\np,1,x,\(long.prefix(300))\n"),
        (.tooLong, .customers, "email,name\na@b.co,\(long.prefix(300))\n"),
        (.tooShort, .transactions, "customer_key,amount,key\na,1,abc\n"),
        (.metadataKey, .transactions, "customer_key,amount,metadata.\(long.prefix(300))\na,1,x\n"),
        (.metadataValue, .transactions, "customer_key,amount,metadata.x\na,1,\(long.prefix(300))\n"),
        (
            .metadataCount, .transactions,
            "customer_key,amount" + (0..<26).map { ",metadata.k\($0)" }.joined() + "\na,1"
                + String(repeating: ",v", count: 26) + "\n"
        ),
    ]

    @Test("is its code, its place, what is wrong and how to mend it; of the value 100 characters", arguments: files)
    func said(file: (code: ProblemCode, object: ImportObject, text: String)) throws {
        let checked = try CheckedFile(file.text, as: file.object)
        let problem = try #require(checked.problems.first { $0.code == file.code }, "\(checked.said)")
        #expect((problem.value ?? "").count <= RowProblem.valueLimit)
        #expect(problem.message.count > 10 && problem.message.contains { ".?".contains($0) })
        if let suggestion = problem.suggestion { #expect(suggestion != "" && suggestion != problem.value) }
        if file.code != .emptyFile { #expect(problem.line != nil) }
        #expect(checked.summary.totalProblems == checked.problems.count)
    }

    @Test("is shown above for every code but those that another file, or the rest of the file, is needed for")
    func complete() {
        let others: Set<ProblemCode> = [.invalidEncoding, .duplicateRow, .duplicateKey, .rowAlreadyForwarded]
        #expect(Set(Self.files.map(\.code)).union(others) == Set(ProblemCode.allCases))
    }
}
