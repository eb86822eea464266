import CSV
import Testing

@testable import Imports

@Suite("What stands in a file twice")
struct DuplicateTests {
    typealias Case = (object: ImportObject, text: String, said: [String], warned: [String])

    static let leads = "partner_key,email,first_name,last_name,external_key\n"
    static let deals = "amount,close_date,external_key,stage\n"

    static let files: [Case] = [
        (
            .partners, "partner_key,partner_email\na,a@b.co\nb,b@b.co\na,c@b.co\nd,A@B.co\n",
            ["3 4 partner_key duplicate_key 'a'", "4 5 partner_email duplicate_key 'A@B.co'"], []
        ),
        // One that repeats two others is one bad row with two reasons.
        (
            .partners, "partner_key,partner_email\na,a@b.co\nb,b@b.co\na,b@b.co\n",
            ["3 4 partner_key duplicate_key 'a'", "3 4 partner_email duplicate_key 'b@b.co'"], []
        ),
        (.partners, "partner_key,partner_email\na,\nA,\n,a@b.co\n", [], []),
        (
            .customers, "name,email\nX,a@b.co\nY,b@b.co\n\"Z\nZ\",A@b.co\nQ,\"a@b.co\"\n",
            ["3 5 email duplicate_key 'A@b.co'", "4 6 email duplicate_key 'a@b.co'"], []
        ),
        (
            .customers, "email,customer_key\na@b.co,c\nb@b.co,c\nc@b.co,\nd@b.co,\n",
            ["2 3 customer_key duplicate_key 'c'"], []
        ),
        (
            .transactions, "customer_key,amount,key\nc,1,INV-1\nd,2,INV-1\ne,3,\ne,3,\ne,3,INV-2\n",
            ["2 3 key duplicate_key 'INV-1'"], ["4 5 - duplicate_row", "5 6 - duplicate_row"]
        ),
        // With another key the same is another; with one and without it is not.
        (.transactions, "customer_key,amount,key\nc,1,INV-1\nc,1,INV-2\nc,2,INV-3\n", [], []),
        (
            .transactions, "customer_key,amount,key\nc,1,INV-1\nc,1,INV-2\nc,1,\nc,1,INV-3\n", [],
            ["3 4 - duplicate_row", "4 5 - duplicate_row"]
        ),
        (.leads, leads + "m,a@b.co,J,K,\nm,a@b.co,J,K,e1\n", [], ["2 3 - duplicate_row"]),
        (.transactions, "customer_key,amount\nc,1\nc,2\nc,01\n", [], ["3 4 - duplicate_row"]),
        (
            .rewards, "partner_key,amount_in_dollars,body\nm,10.00,Bonus\nm,10.01,Bonus\nm,10,Bonus \nm,-10,Bonus\n",
            [], ["3 4 - duplicate_row"]
        ),
        (.leads, leads + "m,a@b.co,J,K,e1\nm,b@b.co,J,K,e1\n", ["2 3 external_key duplicate_key 'e1'"], []),
        (.leads, leads + "m,a@b.co,J,K,\nm,a@b.co,J,K,\nm,a@b.co,J,L,\n", [], ["2 3 - duplicate_row"]),
        (
            .deals, deals + "1,2020-12-25,d1,Won\n2,2020-12-25,d2,Won\n3,2020-12-25,d1,Won\n",
            ["3 4 external_key duplicate_key 'd1'"], []
        ),
        // A row that is bad for another reason is no first one: the second goes out.
        (.customers, "email,created_at\na@b.co,never\na@b.co,\n", ["1 2 created_at invalid_date 'never'"], []),
        // In the order of the file, whatever is found when.
        (
            .customers, "email\na@b.co\nA@b.co\nx\na@B.co\n",
            [
                "2 3 email duplicate_key 'A@b.co'", "3 4 email invalid_email 'x'",
                "4 5 email duplicate_key 'a@B.co'",
            ], []
        ),
    ]

    @Test("is said with row, line, column and value; whole rows alike are a warning", arguments: files)
    func said(file: Case) throws {
        let checked = try CheckedFile(file.text, as: file.object)
        #expect(checked.said == file.said)
        #expect(checked.warned == file.warned)
        #expect(checked.summary.totalProblems == file.said.count)
        #expect(checked.summary.storedProblems == file.said.count)
        #expect(checked.summary.totalWarnings == file.warned.count)
        #expect(checked.summary.invalidRows == Set(checked.problems.compactMap(\.row)).count)
        #expect(checked.summary.firstProblems == checked.problems)
        #expect(checked.summary.firstWarnings == checked.warnings)
    }

    @Test("is found all the same where next to nothing fits into memory", arguments: files)
    func spilled(file: Case) throws {
        let checked = try CheckedFile(file.text, as: file.object, memory: 1)
        #expect(checked.said == file.said)
        #expect(checked.warned == file.warned)
    }

    @Test("names the first row and its line")
    func message() throws {
        let checked = try CheckedFile("email,name\na@b.co,\"x\ny\"\nb@b.co,\nA@b.co,\n", as: .customers)
        #expect(
            checked.problems.map(\.message) == [
                "email stands in row 1 (line 2) already: both mean the same one. Leave one of them out."
            ])
        #expect(checked.problems.first?.byteOffset == 32)
    }

    @Test("in 200,000 rows is the same on the disk as in memory, rows of all kinds")
    func large() throws {
        var generator = SplitMix(state: 42)
        var text = "partner_key,amount_in_cents,body\n"
        var customers = "email,customer_key\n"
        for row in 0..<200_000 {
            // One row in a hundred stands there before, most of them far away.
            let number = row % 100 == 99 ? Int(generator.next() % UInt64(row)) : row
            text += "p\(number % 1000),\(number / 1000 + 1),\(row % 5000 == 7 ? "" : "Bonus")\n"
            customers += "c\(number)@example.com,k\(row)\n"
        }
        // The same row again and again, more often than fits into memory.
        for _ in 0..<20_000 { text += "p,1,Again\n" }
        for (object, text) in [(ImportObject.rewards, text), (.customers, customers)] {
            let inMemory = try CheckedFile(text, as: object, memory: 64 << 20)
            let onDisk = try CheckedFile(text, as: object, memory: 100_000)
            #expect(onDisk.problems == inMemory.problems)
            #expect(onDisk.warnings == inMemory.warnings)
            #expect(onDisk.summary.leftOutRows == inMemory.summary.leftOutRows)
            #expect(onDisk.summary.contentDigest == inMemory.summary.contentDigest)
            if object == .rewards {
                #expect(inMemory.summary.totalWarnings > 21_900)
                #expect(inMemory.warnings.count == 10_000)
                #expect(inMemory.problems.map(\.code) == Array(repeating: .required, count: 40))
            } else {
                #expect(inMemory.problems.count > 1900)
                #expect(inMemory.summary.invalidRows == inMemory.problems.count)
            }
        }
    }

    @Test("says the same rows are the same file, however they are written")
    func digest() throws {
        func digest(_ text: String, _ object: ImportObject = .customers) throws -> String {
            try CheckedFile(text, as: object).summary.contentDigest
        }
        let plain = try digest("email,name\na@b.co,X\nb@b.co,\"Y \"\"Z\"\"\"\n")
        for same in [
            "\u{FEFF}email,name\na@b.co,X\nb@b.co,\"Y \"\"Z\"\"\"\n",
            "Email;NAME\r\na@b.co;X\r\nb@b.co;\"Y \"\"Z\"\"\"\r\n",
            "name,email\n\"Y \"\"Z\"\"\",b@b.co\nX,a@b.co", "email,state,name\nA@b.co,, X\nb@b.co,,\"Y \"\"Z\"\"\"\n",
            "email,name\na@b.co,X\nbad,X\nb@b.co,\"Y \"\"Z\"\"\"\n",
        ] {
            #expect(try digest(same) == plain, "\(same)")
        }
        for other in [
            "email,name\na@b.co,X\n", "email,name\na@b.co,X\nb@b.co,\"Y \"\"z\"\"\"\n",
            "email,company_name\na@b.co,X\nb@b.co,\"Y \"\"Z\"\"\"\n", "email,name\na@b.co,\"Y \"\"Z\"\"\"\nb@b.co,X\n",
            "email,name\na@b.co,X\nb@b.co,\"Y \"\"Z\"\"\"\nb@b.co,\"Y \"\"Z\"\"\"\n",
        ] {
            #expect(try digest(other) != plain, "\(other)")
        }
    }

    static let spellings: [(object: ImportObject, one: String, other: String, isSame: Bool)] = {
        let cents = "partner_key,amount_in_cents,body\np,"
        let dollars = "partner_key,amount_in_dollars,body\np,"
        let dated = "partner_key,amount_in_cents,created_at,body\np,1,"
        let stated = "partner_key,amount_in_cents,status,body\np,1,"
        let external = "partner_key,amount_in_cents,is_external,body\np,1,"
        return [
            (.rewards, cents + "1000,B\n", dollars + "10,B\n", true),
            (.rewards, cents + "01050,B\n", dollars + "10.5,B\n", true),
            (.rewards, cents + "-5,B\n", dollars + "-0.05,B\n", true),
            (.rewards, cents + "0,B\n", dollars + "-0.00,B\n", true),
            (.rewards, cents + "50000000000,B\n", dollars + "500000000.00,B\n", true),
            (.rewards, cents + "1000,B\n", dollars + "1000,B\n", false),
            (.rewards, cents + "5,B\n", dollars + "-0.05,B\n", false),
            (.rewards, cents + "105,B\n", dollars + "10.5,B\n", false),
            (.rewards, dated + "2021-11-05,B\n", dated + "1636070400000,B\n", true),
            (.rewards, dated + "2024-02-29,B\n", dated + "1709164800000,B\n", true),
            (.rewards, dated + "9999-12-31,B\n", dated + "253402214400000,B\n", true),
            (.rewards, dated + "2021-11-05,B\n", dated + "1636070400001,B\n", false),
            (.rewards, dated + "2021-11-05,B\n", dated + "1636156800000,B\n", false),
            (.rewards, stated + "pending,B\n", stated + ",B\n", true),
            (.rewards, stated + "pending,B\n", cents + "1,B\n", true),
            (.rewards, stated + "approved,B\n", stated + ",B\n", false),
            // Nobody says what the vendor makes of an empty one.
            (.rewards, external + "false,B\n", external + ",B\n", false),
            (.transactions, "customer_key,amount\nc,10\n", "customer_key,amount\nc,010\n", true),
            (.transactions, "customer_key,amount\nc,10\n", "customer_key,amount,key\nc,10,INV-1\n", false),
        ]
    }()

    @Test("is the same payment in another unit, at the same moment, or with what the vendor adds", arguments: spellings)
    func spelling(object: ImportObject, one: String, other: String, isSame: Bool) throws {
        let (one, other) = (try CheckedFile(one, as: object), try CheckedFile(other, as: object))
        #expect(one.said == [] && other.said == [])
        #expect((one.summary.contentDigest == other.summary.contentDigest) == isSame)
    }

    @Test("on a day of the calendar is that day's milliseconds, from 1970 to 9999")
    func days() {
        var previous = ""
        for number in Array(0..<50_000) + Array(stride(from: 50_000, to: 2_932_896, by: 271)) + [2_932_896] {
            let text = DateCheck.text(daysSince1970: number)
            let day = String(decoding: text.indices.map { text[$0] }, as: UTF8.self)
            let isDay = unsafe DateCheck.isDay(text.span.bytes, 0, 10)
            #expect(isDay && previous < day, "day \(number) is \(day), after \(previous)")
            previous = day
        }
        #expect(previous == "9999-12-31")
    }

    @Test("is sorted right, whatever it is", arguments: [0, 1, 2, 25, 1000, 100_000])
    func sorting(count: Int) {
        var generator = SplitMix(state: UInt64(count))
        for kind in 0..<4 {
            var entries = (0..<count).map { row in
                let high: UInt64 =
                    switch kind {
                    case 0: generator.next()
                    case 1: 7
                    case 2: generator.next() % 5 << 60
                    default: generator.next() & 0xFF
                    }
                return RowEntry(
                    identity: RowIdentity(high: high, low: kind == 1 ? 1 : generator.next() % 3),
                    row: UInt32(truncatingIfNeeded: generator.next() & 0xFFFF), mark: UInt32(row))
            }
            let expected = entries.sorted()
            unsafe entries.withUnsafeMutableBufferPointer { unsafe RowEntrySort.sort($0) }
            #expect(entries.map(\.identity) == expected.map(\.identity))
            #expect(entries.map(\.row) == expected.map(\.row))
        }
    }
}

/// A small generator of numbers, the same each time.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var bits = state
        bits = (bits ^ bits >> 30) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ bits >> 27) &* 0x94D0_49BB_1331_11EB
        return bits ^ bits >> 31
    }
}
