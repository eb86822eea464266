import Imports
import Testing

@Suite("Rules of single cells")
struct CellCheckTests {
    private func codes(_ object: ImportObject, _ header: String, _ row: String) throws -> [ProblemCode] {
        try CheckedFile("\(header)\n\(row)\n", as: object).problems.map(\.code)
    }

    @Test(
        "addresses that work",
        arguments: [
            "a@b.co", "dr.jones@example.com", "first.last+tag@sub.example.co.uk", "o'neil@example.ie", "x_y@a-b.io",
            "1@2.com", "zoë@example.com", "user@münchen.de", "user@xn--mnchen-3ya.de",
            "#!$%&'*+-/=?^_`{|}~@example.org",
        ])
    func goodEmail(address: String) throws {
        #expect(try codes(.customers, "email", address) == [])
    }

    @Test(
        "addresses that cannot work",
        arguments: [
            "plain", "@b.co", "a@", "a@b", "a@@b.co", "a b@c.co", " a@b.co", "a@b.co ", ".a@b.co", "a.@b.co",
            "a..b@c.co",
            "a@.co", "a@b..co", "a@-b.co", "a@b-.co", "a@b.c", "a@b.1", "a@1.2.3.44", "a@b.co.", "a@b,co", "a@b_c.co",
            "<a@b.co>", "a@b.co;c@d.co", "\"quoted\"@b.co", String(repeating: "x", count: 65) + "@b.co",
            "a@\(String(repeating: "x", count: 64)).co",
        ])
    func badEmail(address: String) throws {
        let quoted = "\"" + address.replacing("\"", with: "\"\"") + "\""
        #expect(try codes(.customers, "email", quoted) == [.invalidEmail])
    }

    @Test(
        "days of the calendar",
        arguments: [
            ("2020-12-25", true), ("2020-02-29", true), ("2000-02-29", true), ("2024-01-31", true),
            ("2024-04-30", true),
            ("1900-01-01", true), ("9999-12-31", true), ("2021-02-29", false), ("1900-02-29", false),
            ("2024-04-31", false), ("2024-13-01", false), ("2024-00-10", false), ("2024-01-00", false),
            ("2024-1-01", false), ("2024-01-1", false), ("20240101", false), ("2024/01/01", false),
            ("2024-01-01T00:00:00Z", false), ("0024-01-01", false), ("2024-01-0a", false), ("2o24-01-01", false),
            ("１０24-01-0", false),
        ])
    func days(text: String, isGood: Bool) throws {
        #expect(try codes(.customers, "email,created_at", "a@b.co,\(text)") == (isGood ? [] : [.invalidDate]))
    }

    @Test("every month ends where CalendarDay says, and milliseconds have their range")
    func months() throws {
        for (month, days) in zip(1..., [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]) {
            let name = month < 10 ? "0\(month)" : "\(month)"
            #expect(try codes(.customers, "email,created_at", "a@b.co,2023-\(name)-\(days)") == [])
            #expect(try codes(.customers, "email,created_at", "a@b.co,2023-\(name)-\(days + 1)") == [.invalidDate])
        }
        let header = "partner_key,amount_in_cents,body,created_at"
        #expect(try codes(.rewards, header, "m,1,x,1636077035000") == [])
        #expect(try codes(.rewards, header, "m,1,x,1636077035") == [.invalidDate])
        #expect(try codes(.rewards, header, "m,1,x,0636077035000") == [.invalidDate])
        #expect(try codes(.rewards, header, "m,1,x,253402300800000") == [.invalidDate])
    }

    @Test(
        "amounts",
        arguments: [
            ("1000", true), ("0", true), ("-5", true), ("007", true), ("50000000000", true), ("", false), ("-", false),
            ("+5", false), ("1 000", false), ("1.0", false), ("50000000001", false), ("99999999999999999999", false),
            ("０", false),
        ])
    func amounts(text: String, isGood: Bool) throws {
        let found = try codes(.transactions, "customer_key,amount", "c,\(text)")
        #expect(found == (isGood ? [] : [text.isEmpty ? .required : .invalidAmount]))
    }

    @Test(
        "amounts with decimals",
        arguments: [
            ("10.00", true), ("10", true), ("10.5", true), ("-0.5", true), ("500000000.00", true),
            ("500000000.01", false),
            ("10.005", false), ("10.", false), (".5", false), ("10,5", false), ("1.0.0", false),
            ("-500000000.01", false),
        ])
    func decimals(text: String, isGood: Bool) throws {
        let found = try codes(.rewards, "partner_key,amount_in_dollars,body", "m,\"\(text)\",x")
        #expect(found == (isGood ? [] : [.invalidAmount]))
    }

    @Test("lengths are counted in characters, doubled quotes as one")
    func lengths() throws {
        let hundred = String(repeating: "ü", count: 100)
        #expect(try codes(.customers, "email,name", "a@b.co,\(hundred)") == [])
        #expect(try codes(.customers, "email,name", "a@b.co,\(hundred)ü") == [.tooLong])
        let quotes = String(repeating: "\"\"", count: 100)
        #expect(try codes(.customers, "email,name", "a@b.co,\"\(quotes)\"") == [])
        #expect(try codes(.customers, "email,name", "a@b.co,\"\(quotes)x\"") == [.tooLong])
    }
}
