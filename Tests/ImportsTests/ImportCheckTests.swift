import CSV
import Foundation
import Imports
import Testing

@Suite("Checking an uploaded file")
struct ImportCheckTests {
    typealias Case = (object: ImportObject, text: String, said: [String])

    static let good: [(object: ImportObject, text: String)] = [
        (.partners, "partner_email,tags\ndr.jones@example.com,\"a, b\"\n"),
        (
            .partners,
            "partner_key,partner_email,group,tier,partner_joined_date\nPartnerBryn,,Resellers,Gold,2020-12-25\n"
        ),
        (
            .customers,
            "email,name,created_at,company_name,state,unit,postal\nm@example.com,Marlie the Dog,2020-02-29,,Québec,,\n"
        ),
        (.transactions, "customer_email,amount,currency\nm@example.com,40000,USD\nm@example.com,-50000000000,\n"),
        (.transactions, "customer_external_key,amount,metadata.agreement_number,metadata.x\nC-1,1,A-77,\n"),
        (
            .rewards,
            "partner_key,amount_in_cents,body,created_at\nmatttest401,1000,Bonus,1636077035000\nm,5,Bonus,2021-11-05\n"
        ),
        (
            .rewards,
            "partner_email,target_type,target_key,amount_in_dollars,body,status,decline_reason,is_external\n"
                + "a@b.co,customer,c1,10.00,Bonus,declined,Duplicate,true\na@b.co,,,10,Bonus,,,false\n"
        ),
        (
            .leads,
            "partner_key,email,first_name,last_name,status,Company size\nm,j@example.com,Joe,Kirby,closed won,5\n"
        ),
        (.deals, "amount,close_date,external_key,stage\n10000,2020-12-25,deal_1,Working\n"),
        (.customers, " Email ,NAME\nm@example.com,x\n"),
    ]

    @Test("a file after the vendor's guide is taken", arguments: good)
    func taken(file: (object: ImportObject, text: String)) throws {
        let checked = try CheckedFile(file.text, as: file.object)
        #expect(checked.said == [])
        #expect(!checked.summary.isRefused)
        #expect(checked.summary.validRows == checked.summary.totalRows)
        #expect(checked.summary.totalRows > 0)
    }

    static let files: [Case] = [
        (.customers, "", ["- - - empty_file"]),
        (.customers, "\n\r\n", ["- - - empty_file"]),
        (.customers, "email\n", ["- 1 - no_rows"]),
        (.customers, "name\nx\n", ["- 1 email missing_column"]),
        (.customers, "email,Email\na@b.co,a@b.co\n", ["- 1 Email duplicate_column"]),
        (.customers, "email,nmae\na@b.co,x\n", ["- 1 nmae unknown_column → name"]),
        (.customers, "email,shoe size\na@b.co,x\n", ["- 1 shoe size unknown_column"]),
        (.customers, "email,\na@b.co,\n", ["- 1 column 2 unknown_column"]),
        (.partners, "tier\nGold\n", ["- 1 partner_email missing_column"]),
        (.transactions, "amount\n1\n", ["- 1 customer_key missing_column"]),
        (.rewards, "partner_key,body\nm,x\n", ["- 1 amount_in_cents missing_column"]),
        (
            .leads, "partner_key,email,first_name,last_name,statuss\nm,a@b.co,J,K,x\n",
            ["- 1 statuss unknown_column → status"]
        ),
        (
            .transactions, "customer_key,amount,metadata.,metadata.a-b\nc,1,x,y\n",
            ["- 1 metadata. metadata_key", "- 1 metadata.a-b metadata_key → metadata.a_b"]
        ),
        (
            .transactions, "customer_key,amount,metadata.\(String(repeating: "k", count: 31))\nc,1,x\n",
            [
                "- 1 metadata.\(String(repeating: "k", count: 31)) metadata_key → metadata.\(String(repeating: "k", count: 30))"
            ]
        ),
    ]

    @Test("what is wrong with the file refuses it", arguments: files)
    func refused(file: Case) throws {
        let checked = try CheckedFile(file.text, as: file.object)
        #expect(checked.said == file.said)
        #expect(checked.summary.isRefused)
    }

    static let rows: [Case] = [
        (.customers, "email\n@b.co\n\"\"\na@b.co\n", ["1 2 email invalid_email '@b.co'", "2 3 - required"]),
        (
            .customers, "email,name\n,x\n ,\n  ,x\n",
            ["1 2 email required", "2 3 - required", "3 4 email required '  '"]
        ),
        (.customers, "email,name\na@b.co\na@b.co,x,y\n", ["1 2 - ragged_row", "2 3 - ragged_row"]),
        (.customers, "email,name\na@b.co,\"x\nb@b.co,y\n", ["1 2 name unclosed_quote 'x'"]),
        (.customers, "email,name\na@b.co,\"x\"y\n", ["1 2 name text_after_quote 'x'"]),
        (.customers, "email,name\na@b.co,x\u{0}\n", ["1 2 name nul_byte 'x\u{2400}'"]),
        (
            .customers, "email,name\na@b.co,\(String(repeating: "x", count: 101))\n",
            ["1 2 name too_long '\(String(repeating: "x", count: 100))'"]
        ),
        (.customers, "email\nmailto:a@b.co\n", ["1 2 email invalid_email 'mailto:a@b.co' → a@b.co"]),
        (.customers, "name,email\n\"two\nlines\",x\n", ["1 3 email invalid_email 'x'"]),
        (
            .customers, "email,created_at\na@b.co,12/25/2020\n",
            ["1 2 created_at invalid_date '12/25/2020' → 2020-12-25"]
        ),
        (.customers, "email,created_at\na@b.co,03/04/2020\n", ["1 2 created_at invalid_date '03/04/2020'"]),
        (.partners, "partner_email,partner_key,tier\n,,Gold\n", ["1 2 partner_email at_least_one_of"]),
        (
            .transactions, "customer_key,customer_email,amount\na,a@b.co,1\n,,1\nb,,\n",
            [
                "1 2 customer_email exactly_one_of 'a@b.co'", "2 3 customer_key exactly_one_of", "3 4 amount required",
            ]
        ),
        (
            .transactions, "customer_key,amount\na,10.00\na,$100\na,\"1,000\"\na,50000000001\na,1e3\n",
            [
                "1 2 amount invalid_amount '10.00'", "2 3 amount invalid_amount '$100' → 100",
                "3 4 amount invalid_amount '1,000' → 1000", "4 5 amount invalid_amount '50000000001'",
                "5 6 amount invalid_amount '1e3'",
            ]
        ),
        (
            .transactions, "customer_key,amount,currency\na,1,usd\na,1,US$\na,1,XYZ\n",
            [
                "1 2 currency invalid_currency 'usd' → USD", "2 3 currency invalid_currency 'US$'",
                "3 4 currency invalid_currency 'XYZ'",
            ]
        ),
        (.transactions, "customer_key,amount,key\na,1,abc\na,1,abcd\n", ["1 2 key too_short 'abc'"]),
        (
            .transactions, "customer_key,amount,metadata.note\na,1,\(String(repeating: "é", count: 101))\n",
            ["1 2 metadata.note metadata_value '\(String(repeating: "é", count: 100))'"]
        ),
        (
            .transactions,
            "customer_key,amount,\((0..<26).map { "metadata.k\($0)" }.joined(separator: ","))\n"
                + "a,1,\(String(repeating: "v,", count: 25))\na,1\(String(repeating: ",v", count: 26))\n",
            ["2 3 - metadata_count"]
        ),
        (
            .rewards,
            "partner_key,target_type,target_key,amount_in_cents,body\nm,customer,,1,x\nm,,k,1,x\nm,Customer,k,1,x\n",
            [
                "1 2 target_key requires_column", "2 3 target_type requires_column",
                "3 4 target_type invalid_enum 'Customer' → customer",
            ]
        ),
        (
            .rewards, "partner_key,partner_email,amount_in_cents,amount_in_dollars,body\nm,,1,1.00,x\nm,a@b.co,1,,x\n",
            ["1 2 amount_in_dollars exactly_one_of '1.00'", "2 3 partner_key exactly_one_of 'm'"]
        ),
        (
            .rewards, "partner_key,amount_in_dollars,body\nm,10.005,x\nm,.5,x\nm,\"1,000.50\",x\nm,5.,x\n",
            [
                "1 2 amount_in_dollars invalid_amount '10.005'", "2 3 amount_in_dollars invalid_amount '.5'",
                "3 4 amount_in_dollars invalid_amount '1,000.50' → 1000.50",
                "4 5 amount_in_dollars invalid_amount '5.'",
            ]
        ),
        (
            .rewards,
            "partner_key,amount_in_cents,body,is_external,created_at\nm,1,x,TRUE,2021-02-29\nm,1,x,maybe,1636077035\n",
            [
                "1 2 is_external invalid_boolean 'TRUE' → true", "1 2 created_at invalid_date '2021-02-29'",
                "2 3 is_external invalid_boolean 'maybe'", "2 3 created_at invalid_date '1636077035'",
            ]
        ),
        (
            .rewards, "partner_key,amount_in_cents,body,status,decline_reason\nm,1,x,paid,Oops\nm,1,x,aproved,\n",
            [
                "1 2 decline_reason requires_column 'Oops'", "2 3 status invalid_enum 'aproved' → approved",
            ]
        ),
        (
            .leads, "partner_key,email,first_name,last_name,status\nm,a@b.co,J,K,Open\nm,a@b.co,,K,won\n",
            [
                "1 2 status invalid_enum 'Open' → open", "2 3 status invalid_enum 'won'", "2 3 first_name required",
            ]
        ),
        (
            .deals, "amount,close_date,external_key,stage\n-1,2020-13-01,d,\n",
            [
                "1 2 amount invalid_amount '-1'", "1 2 close_date invalid_date '2020-13-01'", "1 2 stage required",
            ]
        ),
    ]

    @Test("what is wrong with a row is said with its place, value and a way out", arguments: rows)
    func rejected(file: Case) throws {
        let checked = try CheckedFile(file.text, as: file.object)
        #expect(checked.said == file.said)
        #expect(!checked.summary.isRefused)
        #expect(Set(checked.rejected) == Set(checked.problems.compactMap(\.row)))
        #expect(checked.summary.totalProblems == checked.problems.count)
        #expect(checked.problems.allSatisfy { $0.message.hasSuffix(".") || $0.message.hasSuffix("\"\".") })
    }

    @Test(
        "where the borders between the parts of an upload lie changes nothing, in no encoding",
        arguments: good.map { ($0.object, $0.text, []) } + files + rows)
    func everySplit(file: Case) throws {
        let text = Data(file.text.utf8)
        let marked = Data(("\u{FEFF}" + file.text).utf8)
        let written: [(bytes: Data?, charset: CSVCharset?)] = [
            (text, nil), (marked, nil), (file.text.data(using: .utf16LittleEndian), .utf16),
            (file.text.data(using: .utf16BigEndian), .utf16BigEndian),
            (("\u{FEFF}" + file.text).data(using: .utf16BigEndian), nil),
            (file.text.data(using: .windowsCP1252), .windows1252),
        ]
        for (data, charset) in written {
            // A file of two bytes is no file in UTF-16, so said.
            guard let data, data.count > 2 || charset == nil else { continue }
            let bytes = Array(data)
            let whole = try CheckedFile(bytes, as: file.object, charset: charset)
            #expect(whole.said == (try CheckedFile(file.text, as: file.object).said))
            // Long files at some bytes only: their borders are alike. And other encodings, each of which meets the borders
            // of its own characters soon enough.
            let step = bytes.count >= 400 ? 41 : data == text ? 1 : 7
            let cuts = Array(stride(from: 0, through: bytes.count, by: step))
            for cuts in cuts.map({ [$0] }) + [Array(0...bytes.count)] {
                let parts = try CheckedFile(bytes, as: file.object, charset: charset, cuts: cuts)
                #expect(parts.problems == whole.problems)
                #expect(parts.rejectedBytes == whole.rejectedBytes)
                #expect(parts.summary.facts == whole.summary.facts)
                #expect(parts.summary.offsets == whole.summary.offsets)
            }
        }
    }

    @Test("a byte that is no UTF-8 refuses the file and is named by row and column")
    func encoding() throws {
        let checked = try CheckedFile(Array("email,name\na@b.co,x\nb@b.co,Zo".utf8) + [0xEB, 10], as: .customers)
        #expect(checked.said == ["2 3 name invalid_encoding"])
        #expect(checked.problems.first?.byteOffset == 29)
        #expect(checked.summary.isRefused)
        #expect(checked.problems.first?.message.contains("charset=windows-1252") == true)
        let workbook = try CheckedFile([0x50, 0x4B, 3, 4, 10], as: .customers)
        #expect(workbook.said == ["- 1 - binary_file"])
        #expect(workbook.problems.first?.message.contains("Excel") == true)
    }

    @Test("a file in another encoding is read, says so and cannot go out as it came")
    func otherEncodings() throws {
        let text = "email,name\na@b.co,Zoë\n"
        let declared = try CheckedFile(
            Array(text.data(using: .windowsCP1252) ?? Data()), as: .customers, charset: .windows1252)
        #expect(declared.said == [])
        #expect(declared.summary.encoding == .windows1252)
        #expect(!declared.summary.isAsVendorReads)
        let marked = try CheckedFile(
            [0xFF, 0xFE] + Array(text.data(using: .utf16LittleEndian) ?? Data()), as: .customers)
        #expect(marked.said == [])
        #expect(marked.summary.encoding == .utf16LittleEndian)
        #expect(marked.summary.dialect.hasByteOrderMark)
        #expect(!marked.summary.isAsVendorReads)
        let plain = try CheckedFile(
            Array("email,name\na@b.co,Zoe\n".utf8), as: .customers, charset: .windows1252)
        #expect(plain.summary.isAsVendorReads)
    }

    @Test("every way of being no text has words of its own, with a way out")
    func encodingWords() throws {
        func message(_ bytes: [UInt8], _ charset: CSVCharset? = nil) throws -> String {
            let checked = try CheckedFile(bytes, as: .customers, charset: charset)
            #expect(checked.problems.map(\.code) == [.invalidEncoding])
            return checked.problems.first?.message ?? ""
        }
        #expect(try message([0xFF, 0xFE, 0, 0, 1, 1]).contains("UTF-32"))
        #expect(try message(Array("email\n".utf8), .utf16).contains("declared"))
        #expect(try message(Array("email\n".utf8) + [0x81], .windows1252).contains("Windows-1252"))
        #expect(try message([0xFE, 0xFF, 0, 101, 0]).contains("UTF-16BE"))
    }

    @Test("rows of nothing but delimiters are passed over, as spreadsheets leave them")
    func blankRows() throws {
        let text = "email,name\na@b.co,x\n,\nb@b.co,y\n@,z\n,,,\n,\n"
        let checked = try CheckedFile(text, as: .customers)
        #expect(checked.said == ["4 5 email invalid_email '@'"])
        #expect(checked.summary.totalRows == 3)
        #expect(checked.summary.validRows == 2)
        #expect(checked.summary.blankRows == 3)
        let nothing = try CheckedFile("email,name\n,\n,\n", as: .customers)
        #expect(nothing.said == ["- 1 - no_rows"])
    }

    @Test("the row that cannot be decoded has its number, blank rows before it or not")
    func rowOfBadByte() throws {
        let checked = try CheckedFile(Array("email,name\n,\na@b.co,".utf8) + [0xE9, 10], as: .customers)
        #expect(checked.said == ["2 3 name invalid_encoding"])
    }

    @Test("every code of the reader has its words")
    func readerCodes() throws {
        let long = try CheckedFile("email,name\na@b.co,\(String(repeating: "x", count: 500_000))\n", as: .customers)
        #expect(long.said == ["1 2 - record_too_long"])
        let cell = try CheckedFile("email,name\na@b.co,\(String(repeating: "x", count: 33_000))\n", as: .customers)
        #expect(cell.said.map { $0.prefix(22) } == ["1 2 name cell_too_long"])
        let columns = try CheckedFile((0...1000).map { "c\($0)" }.joined(separator: ","), as: .customers)
        #expect(columns.said == ["- 1 - too_many_columns"])
        let header = try CheckedFile(String(repeating: "h", count: 40_000), as: .customers)
        #expect(header.said == ["- 1 - header_too_long"])
    }

    @Test("after a broken header the rows are checked all the same")
    func headerAndRows() throws {
        let checked = try CheckedFile("email,nmae\nx,y\na@b.co,z\n", as: .customers)
        #expect(checked.said == ["- 1 nmae unknown_column → name", "1 2 email invalid_email 'x'"])
        #expect(checked.summary.totalRows == 2)
        #expect(checked.summary.validRows == 1)
    }

    @Test("counts are exact, but only so many problems are handed out")
    func problemLimit() throws {
        let checked = try CheckedFile("email\n" + String(repeating: "x\n", count: 10_050), as: .customers)
        #expect(checked.problems.count == 10_000)
        #expect(checked.rejected.count == 10_050)
        #expect(checked.summary.totalProblems == 10_050)
        #expect(checked.summary.storedProblems == 10_000)
        #expect(checked.summary.firstProblems.count == 100)
        #expect(checked.summary.invalidRows == 10_050)
    }

    @Test("valid rows are cut into chunks, rejected ones lie between with their bytes")
    func chunks() throws {
        let text = "email\na@b.co\nx\nb@b.co\n\nc@b.co\nd@b.co\ne@b.co"
        let checked = try CheckedFile(text, as: .customers, chunkRows: 2)
        let bytes = Array(text.utf8)
        func slice(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
        #expect(
            checked.summary.offsets.starts.map { slice($0..<checked.summary.offsets.end) } == [
                "a@b.co\nx\nb@b.co\n\nc@b.co\nd@b.co\ne@b.co", "c@b.co\nd@b.co\ne@b.co", "e@b.co",
            ])
        #expect(checked.summary.offsets.headerLength == 6)
        #expect(checked.rejectedBytes.map(slice) == ["x\n"])
        #expect(slice(checked.summary.headerBytes) == "email\n")
    }

    @Test("whether a file can be forwarded as it came is told")
    func asVendorReads() throws {
        func isAsVendorReads(_ text: String) throws -> Bool {
            let summary = try CheckedFile(text, as: .customers).summary
            #expect(summary.validRows == 1 && !summary.isRefused)
            return summary.isAsVendorReads
        }
        #expect(try isAsVendorReads("email,name\r\na@b.co,x\n"))
        #expect(try !isAsVendorReads("email;name\na@b.co;x\n"))
        #expect(try !isAsVendorReads("sep=,\nemail,name\na@b.co,x\n"))
        #expect(try !isAsVendorReads("\u{FEFF}email,name\na@b.co,x\n"))
        #expect(try !isAsVendorReads("Email,name\na@b.co,x\n"))
        #expect(try !isAsVendorReads("email,name\ra@b.co,x\r"))
    }

    @Test("a sink that is full stops the check")
    func sinkThrows() {
        struct Full: Error {}
        #expect(throws: Full.self) {
            var check = ImportCheck(schema: ObjectCatalog.builtIn[.customers])
            try check.feed(Array("email\nx\n".utf8)) { _ in throw Full() }
        }
    }
}
