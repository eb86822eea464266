import CSV
import Testing

@testable import Imports

@Suite("The hash by which rows are known")
struct ContentHashTests {
    @Test("is made of numbers that must never change: what was forwarded is remembered by them")
    func stable() throws {
        let texts = ["", "a", "abc", "abcd", "abcdefgh", "abcdefghijklmnop", "abcdefghijklmnopq"]
        let identities = texts.map { ContentHash.hash($0) } + [ContentHash.hash("a").sealed(count: 1)]
        #expect(Set(identities).count == identities.count)
        #expect(identities.map { String($0.high, radix: 16) + " " + String($0.low, radix: 16) } == Self.numbers)
    }

    static let numbers = [
        "f6b05e6199761d70 ca4bd4709c7f1ad0", "b0f5d914ef0e6e38 ef74ebe559ee500e", "73e815460cfd91e8 16e211f88c53454a",
        "719ad07b136e7a4d a631d8952278604", "bdc7d164e6e8f7de bbc99e6e67354c83", "91652f1af8da5385 1b2522e7bdfe0e0c",
        "25a531f429a69064 a638cf29dc956d68", "fa8939e75dbad2c3 274f2c36143d6aef",
    ]

    private static func hash(_ text: String, ignoresCase: Bool = false) -> RowIdentity {
        hash(Array(text.utf8), ignoresCase: ignoresCase)
    }

    private static func hash(_ bytes: [UInt8], ignoresCase: Bool = false) -> RowIdentity {
        unsafe ContentHash.hash(
            bytes.span.bytes, 0, bytes.count, seed: ContentHash.hash("column"), ignoresCase: ignoresCase)
    }

    @Test("is the same wherever in its record a cell stands", arguments: 0...40)
    func places(count: Int) {
        let cell = (0..<count).map { UInt8(ascii: "a") + UInt8($0 % 26) }
        let alone = Self.hash(cell)
        for before in 0...17 {
            for behind in [0, 1, 7, 8, 16] {
                let record = [UInt8](repeating: 0xFF, count: before) + cell + [UInt8](repeating: 0xFF, count: behind)
                let hash = unsafe ContentHash.hash(
                    record.span.bytes, before, before + count, seed: ContentHash.hash("column"), ignoresCase: false)
                #expect(hash == alone, "\(before) bytes before, \(behind) behind")
            }
        }
    }

    @Test("takes ASCII letters for the same in both cases where that is asked for, and nothing else", arguments: 1...40)
    func cases(count: Int) {
        var bytes = [UInt8](repeating: UInt8(ascii: "-"), count: count)
        for place in [0, count / 2, count - 1] {
            for byte in UInt8(0)...255 {
                bytes[place] = byte
                let isLetter = (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                let hash = Self.hash(bytes, ignoresCase: true)
                bytes[place] = byte ^ 0x20
                #expect((Self.hash(bytes, ignoresCase: true) == hash) == isLetter, "\(byte) at \(place) of \(count)")
            }
            bytes[place] = UInt8(ascii: "-")
        }
    }

    @Test("is never another: a million cells that differ in a digit have a million identities")
    func spread() {
        var identities: Set<RowIdentity> = []
        var highs: Set<UInt64> = []
        var lows: Set<UInt64> = []
        for number in 0..<300_000 {
            for text in ["\(number)", "customer-\(number)@example.com", "\(number) Spadina avenue, Toronto \(number)"] {
                let identity = ContentHash.hash(text)
                identities.insert(identity)
                highs.insert(identity.high)
                lows.insert(identity.low)
            }
        }
        #expect(identities.count == 900_000)
        #expect(highs.count == 900_000)
        #expect(lows.count == 900_000)
    }

    @Test("tells apart what is one byte longer")
    func lengths() {
        var texts: Set<String> = []
        for digit in 0...9 {
            for start in ["", "5", "55a", "abcd", "abcd0", "abcdefgh0"] {
                for length in 1...60 { texts.insert(start + String(repeating: "\(digit)", count: length)) }
            }
        }
        #expect(Set(texts.map { Self.hash($0).high }).count == texts.count)
        #expect(Set(texts.map { Self.hash($0).low }).count == texts.count)
    }

    @Test("tells apart rows whose small numbers add up to the same")
    func sums() {
        let columns = ["amount", "rate"].map { ContentHash.hash($0) }
        let cells = (0..<600).map { number in
            columns.map { column in
                let text = Array("\(number)".utf8)
                return unsafe ContentHash.hash(text.span.bytes, 0, text.count, seed: column, ignoresCase: false)
            }
        }
        var highs: Set<UInt64> = []
        var lows: Set<UInt64> = []
        for one in cells {
            for other in cells {
                var row = one[0]
                row.combine(other[1])
                row = row.sealed(count: 2)
                highs.insert(row.high)
                lows.insert(row.low)
            }
        }
        #expect(highs.count == 360_000)
        #expect(lows.count == 360_000)
    }

    @Test("changes half of its bits with any one bit of a cell", arguments: [3, 5, 8, 11, 16, 27])
    func avalanche(length: Int) {
        var generator = SplitMix(state: UInt64(length))
        var flips = [Int](repeating: 0, count: 128)
        let samples = 12_000
        for _ in 0..<samples {
            var bytes = (0..<length).map { _ in UInt8(0x30 + generator.next() % 75) }
            let one = Self.hash(bytes).sealed(count: 1)
            bytes[Int(generator.next() % UInt64(length))] ^= 1 << UInt8(generator.next() % 7)
            let other = Self.hash(bytes).sealed(count: 1)
            for bit in 0..<64 {
                flips[bit] += Int((one.high ^ other.high) >> UInt64(bit) & 1)
                flips[64 + bit] += Int((one.low ^ other.low) >> UInt64(bit) & 1)
            }
        }
        // Five standard deviations.
        for (bit, count) in flips.enumerated() {
            #expect(abs(count - samples / 2) < 280, "bit \(bit): \(count) of \(samples)")
        }
    }

    @Test("fills partitions evenly")
    func partitions() {
        var counts = [Int](repeating: 0, count: 256)
        for number in 0..<256_000 { counts[Int(Self.hash("\(number)").sealed(count: 1).high >> 56)] += 1 }
        #expect(counts.allSatisfy { (840...1160).contains($0) }, "\(counts)")
    }
}
