import CSV
import Support
import Testing

@testable import Imports

/// What is looked at eight bytes at a time, held against loops that anybody can read.
@Suite("Checks of cells, eight bytes at a time")
struct CellTwinTests {
    /// Calls `body` with cells made of these bytes, each with nothing, little and much of a record around it.
    private static func cells(
        _ alphabet: String, lengths: ClosedRange<Int>, count: Int, seed: UInt64,
        _ body: (_ cell: [UInt8], _ record: [UInt8], _ start: Int, _ end: Int) -> Void
    ) {
        var generator = SplitMix(state: seed)
        let alphabet = Array(alphabet.utf8)
        for _ in 0..<count {
            let length = lengths.lowerBound + Int(generator.next() % UInt64(lengths.count))
            let cell = (0..<length).map { _ in alphabet[Int(generator.next() % UInt64(alphabet.count))] }
            let before = (0..<Int(generator.next() % 10)).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
            let behind = (0..<Int(generator.next() % 10)).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
            body(cell, before + cell + behind, before.count, before.count + length)
        }
    }

    // MARK: The twins

    private static func isEmail(_ cell: [UInt8]) -> Bool {
        let atom = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~".utf8)
        let host = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-".utf8)
        guard let at = cell.firstIndex(of: 0x40), at <= 64, cell.count - at - 1 <= 253 else { return false }
        func parts(_ bytes: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
            bytes.split(separator: 0x2E, omittingEmptySubsequences: false)
        }
        let labels = parts(cell[(at + 1)...])
        guard parts(cell[..<at]).allSatisfy({ !$0.isEmpty && $0.allSatisfy { $0 >= 0x80 || atom.contains($0) } }),
            labels.count >= 2,
            labels.allSatisfy({
                (1...63).contains($0.count) && $0.first != 0x2D && $0.last != 0x2D
                    && $0.allSatisfy { $0 >= 0x80 || host.contains($0) }
            }), let last = labels.last
        else { return false }
        return last.count >= 2 && last.contains { $0 > 0x39 }
    }

    private static func isInteger(_ cell: [UInt8], _ bounds: ClosedRange<Int64>) -> Bool {
        let digits = cell.first == 0x2D ? cell.dropFirst() : cell[...]
        guard (1...18).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return false }
        return bounds.contains(Int64(String(decoding: cell, as: UTF8.self)) ?? .max)
    }

    /// In hundredths; nil where it is no number with at most two decimals.
    private static func hundredths(_ cell: [UInt8]) -> Int128? {
        let isNegative = cell.first == 0x2D
        let parts = (isNegative ? cell.dropFirst() : cell[...])
            .split(separator: 0x2E, omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), (1...18).contains(parts[0].count),
            parts.count == 1 || (1...2).contains(parts[1].count),
            parts.joined().allSatisfy({ (0x30...0x39).contains($0) })
        else { return nil }
        var value: Int128 = 0
        for digit in parts.joined() { value = value * 10 + Int128(digit - 0x30) }
        for _ in (parts.count == 2 ? parts[1].count : 0)..<2 { value *= 10 }
        return isNegative ? -value : value
    }

    private static func isDay(_ cell: [UInt8]) -> Bool {
        let text = String(decoding: cell, as: UTF8.self)
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard cell.count == 10, parts.map(\.utf8.count) == [4, 2, 2],
            parts.joined().utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let year = Int(parts[0]), let month = Int(parts[1]), let day = Int(parts[2]), year >= 1900
        else { return false }
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        return (1...12).contains(month) && (1...days[month - 1]).contains(day)
    }

    // MARK: Held against them

    @Test("find the same addresses good", arguments: ["ab.@-", "aZ9.@-_+", "a.@é,[`{/:", "xy"])
    func addresses(alphabet: String) {
        Self.cells(alphabet, lengths: 1...24, count: 60_000, seed: 1) { cell, record, start, end in
            #expect(unsafe EmailCheck.isValid(record.span.bytes, start, end) == Self.isEmail(cell), "\(cell)")
        }
        for (left, middle, right) in [(64, 63, 63), (65, 3, 3), (3, 64, 3), (3, 3, 64), (8, 8, 2), (7, 9, 1)] {
            let text = [left, middle, right].map { String(repeating: "x", count: $0) }
            let cell = Array("\(text[0])@\(text[1]).\(text[2])".utf8)
            #expect(unsafe EmailCheck.isValid(cell.span.bytes, 0, cell.count) == Self.isEmail(cell), "\(text)")
        }
    }

    @Test("find the same numbers, with the same value", arguments: ["0123456789", "0-19", "09/:", "0.5-", "1é "])
    func numbers(alphabet: String) {
        let bounds: ClosedRange<Int64> = -500...99_999_999_999
        Self.cells(alphabet, lengths: 1...21, count: 40_000, seed: 2) { cell, record, start, end in
            let bytes = unsafe record.span.bytes
            let isDigits = cell.count <= 8 && cell.allSatisfy { (0x30...0x39).contains($0) }
            #expect(
                CellWord.digits(bytes, start, end)
                    == (isDigits ? Int64(String(decoding: cell, as: UTF8.self)) : nil), "\(cell)")
            #expect(
                AmountCheck.isInteger(
                    bytes, start, end, minimum: bounds.lowerBound, maximum: bounds.upperBound)
                    == Self.isInteger(cell, bounds), "\(cell)")
            #expect(
                AmountCheck.isDecimal(bytes, start, end, minimum: .min, maximum: .max, decimals: 2)
                    == (Self.hundredths(cell) != nil), "\(cell)")
        }
    }

    @Test("find the same days", arguments: ["0123-", "12-", "0/9:-"])
    func days(alphabet: String) {
        Self.cells(alphabet, lengths: 9...11, count: 20_000, seed: 3) { cell, record, start, end in
            #expect(unsafe DateCheck.isDay(record.span.bytes, start, end) == Self.isDay(cell), "\(cell)")
        }
        for year in ["1899", "1900", "2000", "2023", "2024", "9999"] {
            for month in 0...13 {
                for day in 0...32 {
                    let cell = Array("\(year)-\(month < 10 ? "0" : "")\(month)-\(day < 10 ? "0" : "")\(day)".utf8)
                    #expect(unsafe DateCheck.isDay(cell.span.bytes, 0, 10) == Self.isDay(cell), "\(cell)")
                }
            }
        }
    }

    @Test("know a row again by its money, however it is written, and by nothing else")
    func money() throws {
        let schema = ObjectCatalog.builtIn[.rewards]
        func identities(_ column: String, _ text: String) -> RowIdentity? {
            var found: RowIdentity?
            var check = CSVReader()
            var identifier: RowIdentifier?
            var work = RowIdentifier.Work()
            var entries: [RowEntry] = []
            func take(_ record: CSVRecord, _ bytes: RawSpan, _ cells: Span<CSVCell>) {
                guard record.number > 0 else {
                    let names = cells.indices.map { cells[$0].text(in: bytes) }
                    identifier = RowIdentifier(
                        schema: schema,
                        plan: HeaderCheck(schema: schema, names: names, line: 1, byteOffset: 0).plan)
                    return
                }
                found = identifier?.identify(record.number, bytes, cells, &work, to: &entries)
            }
            let file = Array("body,\(column)\nb,\(text)\n".utf8)
            try? unsafe check.feed(file.span.bytes, take)
            try? check.finish(take)
            return found
        }
        var generator = SplitMix(state: 4)
        var known: [RowIdentity: Int128] = [:]
        var values: [Int128: RowIdentity] = [:]
        for _ in 0..<6_000 {
            let isWhole = generator.next() % 2 == 0
            var text = generator.next() % 4 == 0 ? "-" : ""
            for _ in 0...Int(generator.next() % 11) { text += ["0", "0", "1", "5"][Int(generator.next() % 4)] }
            if isWhole, generator.next() % 2 == 0 {
                text += "."
                for _ in 0...Int(generator.next() % 2) { text += ["0", "5"][Int(generator.next() % 2)] }
            }
            let scaled = try #require(Self.hundredths(Array(text.utf8)))
            let value = isWhole ? scaled : scaled / 100
            let identity = try #require(identities(isWhole ? "amount_in_dollars" : "amount_in_cents", text))
            #expect(known[identity, default: value] == value, "\(text)")
            #expect(values[value, default: identity] == identity, "\(text)")
            known[identity] = value
            values[value] = identity
        }
        #expect(known.count > 1_000)
    }
}
