import CSV
import Testing

@Suite("The fast reader against a plain one")
struct CSVReaderComparisonTests {
    /// Bounds so low that short inputs pass them.
    static let tight: CSVLimits = {
        var limits = CSVLimits()
        limits.header = 24
        limits.record = 40
        limits.cell = 12
        limits.columns = 4
        limits.lines = 3
        return limits
    }()

    static let inputs: [[UInt8]] =
        CSVReaderTests.files.map { Array($0.text.utf8) } + CSVReaderTests.faults.map(\.bytes)
        + [
            "a,b\n\"x\ny\nz\nw\n\",1\n2,3", "a\n" + String(repeating: "x", count: 60) + "\r\nb\n",
            "a\n\"" + String(repeating: "x", count: 60) + "\nb\"\nc\n", "a,b\n\"x\"\"\"\"y\"\"\",2\n",
            "a\n" + String(repeating: "é", count: 19) + "xyz\nb", "", "\n", "\r", "\r\n", ",", "\"", "\"\"",
            "a\n\"\"\n",
            "a\n\"x\"\"", "a,b\n1,2,3,4,5,6\n", "a,b\n\"\r\n\r\n\r\n\r\n\",2\r\n3,4",
        ].map { Array($0.utf8) }

    @Test("both read the same, wherever the borders between the parts lie", arguments: inputs)
    func everySplit(bytes: [UInt8]) throws {
        for limits in [CSVLimits(), Self.tight] {
            let expected = PlainReader.read(bytes, limits: limits)
            #expect(try read(bytes, limits: limits) == expected)
            #expect(try read(bytes, cuts: Array(0...bytes.count), limits: limits) == expected)
            for cut in 0...bytes.count {
                #expect(try read(bytes, cuts: [cut], limits: limits) == expected)
            }
        }
    }

    @Test("both read the same from random bytes", arguments: 0..<8)
    func random(seed: UInt64) throws {
        var generator = SplitMix(state: seed)
        let pieces: [[UInt8]] = [
            "a", ",", "\"", "\n", "\r", "\r\n", "\"\"", "é", "日", "🦊", " ", "bcd", ",\"", "\",", "\"\n", ";",
        ].map { Array($0.utf8) }
        let rare: [[UInt8]] = [[0], [0xE9], [0xC3], [0xEF, 0xBB, 0xBF], [7]]
        for _ in 0..<1000 {
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 0...60, using: &generator) {
                let isRare = Int.random(in: 0..<200, using: &generator) == 0
                bytes += (isRare ? rare : pieces).randomElement(using: &generator) ?? []
            }
            if Bool.random(using: &generator) { bytes = Array("a,b\n".utf8) + bytes }
            let limits = Bool.random(using: &generator) ? CSVLimits() : Self.tight
            let expected = PlainReader.read(bytes, limits: limits)
            let cuts = (0..<3).map { _ in Int.random(in: 0...bytes.count, using: &generator) }.sorted()
            let whole = try read(bytes, limits: limits)
            let parts = try read(bytes, cuts: cuts, limits: limits)
            guard whole == expected, parts == expected else {
                Issue.record(
                    "\(String(decoding: bytes, as: UTF8.self).debugDescription)\n\(whole)\n---\n\(parts)\n---\n\(expected)"
                )
                return
            }
        }
    }

    @Test("both read the same from files longer than the reader's buffer")
    func longFiles() throws {
        var generator = SplitMix(state: 7)
        var text = "id,name,note\n"
        for row in 0..<9000 {
            let note = row % 3 == 0 ? "\"line one\nline \"\"two\"\"\"" : "plain é \(row)"
            text += "\(row),\(String(repeating: "n", count: Int.random(in: 0...30, using: &generator))),\(note)\r\n"
        }
        let bytes = Array(text.utf8)
        let expected = PlainReader.read(bytes)
        #expect(expected.records.count == 9001)
        #expect(try read(bytes) == expected)
        #expect(try read(bytes, cuts: Array(stride(from: 0, to: bytes.count, by: 997))) == expected)
    }
}

/// The same numbers from the same seed, so that what fails once fails again.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
