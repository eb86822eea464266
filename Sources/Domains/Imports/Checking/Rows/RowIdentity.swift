/// What a row says, in 128 bits: the same for the same content in every process, machine and version, however the file
/// is written (delimiter, quotes, order of columns, empty columns). It is stored, so it must never change.
///
/// Not a cryptographic hash: who makes two rows meet on purpose has one of his own rows refused, and nothing else.
struct RowIdentity: BitwiseCopyable, Hashable, Comparable, Sendable {
    var high: UInt64
    var low: UInt64

    static let zero = RowIdentity(high: 0, low: 0)

    @inline(__always)
    static func < (left: RowIdentity, right: RowIdentity) -> Bool {
        left.high != right.high ? left.high < right.high : left.low < right.low
    }

    /// In any order the same.
    @inline(__always)
    mutating func combine(_ other: RowIdentity) {
        high &+= other.high
        low &+= other.low
    }

    /// Of a whole, made of `count` combined parts; never the same as one of the parts.
    @inline(__always)
    func sealed(count: Int) -> RowIdentity {
        let number = UInt64(truncatingIfNeeded: count)
        return RowIdentity(
            high: ContentHash.fold(high ^ ContentHash.secrets.4, low ^ ContentHash.secrets.5 ^ number),
            low: ContentHash.fold(low ^ ContentHash.secrets.6, high ^ ContentHash.secrets.7 ^ number))
    }
}

/// The hash of one cell's bytes, made for cells: a few bytes each, one after another. Two lanes of one 64 × 64 → 128 bit
/// multiplication for each sixteen bytes, folded; no table, no set-up. What goes beyond one cell mixes once more
/// (`RowIdentity.sealed`).
enum ContentHash {
    /// The first digits of π behind the point in hexadecimal, made odd: nothing up anybody's sleeve.
    static let secrets: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (
        0x243F_6A88_85A3_08D3, 0x1319_8A2E_0370_7345, 0xA409_3822_299F_31D1, 0x082E_FA98_EC4E_6C89,
        0x4528_21E6_38D0_1377, 0xBE54_66CF_34E9_0C6D, 0xC0AC_29B7_C97C_50DD, 0x3F84_D5B5_B547_0917
    )

    @inline(__always)
    static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        return product.high ^ product.low
    }

    /// Of the bytes from `start` to `end`. What `seed` is of (a column's name) is part of it.
    /// - Parameter ignoresCase: ASCII letters only.
    @inline(__always)
    static func hash(
        _ bytes: RawSpan, _ start: Int, _ end: Int, seed: RowIdentity, ignoresCase: Bool
    ) -> RowIdentity {
        let count = end &- start
        var high = seed.high
        var low = seed.low
        var first: UInt64
        var last: UInt64
        if count >= 8 {
            var index = start
            while end &- index > 16 {
                let left = CellWord.load(bytes, index)
                let right = CellWord.load(bytes, index &+ 8)
                let (one, other) = ignoresCase ? (CellWord.lowercased(left), CellWord.lowercased(right)) : (left, right)
                let before = high
                high = fold(one ^ high, other ^ low)
                low = fold(one ^ low ^ secrets.0, other ^ before ^ secrets.1)
                index &+= 16
            }
            // The last sixteen, or all: what is read twice stays what it is.
            first = CellWord.load(bytes, max(start, end &- 16))
            last = CellWord.load(bytes, end &- 8)
        } else {
            first = CellWord.short(bytes, start, end)
            last = first
        }
        if ignoresCase {
            first = CellWord.lowercased(first)
            last = CellWord.lowercased(last)
        }
        // Spread over all bits: a byte more must not look like another byte at the end.
        let length = UInt64(truncatingIfNeeded: count) &* secrets.2
        return RowIdentity(
            high: fold(first ^ high, last ^ low ^ length),
            low: fold(first ^ low ^ secrets.3, last ^ high ^ secrets.4 ^ length))
    }

    static func hash(_ text: String) -> RowIdentity {
        let bytes = Array(text.utf8)
        return unsafe hash(
            bytes.span.bytes, 0, bytes.count, seed: RowIdentity(high: secrets.6, low: secrets.7), ignoresCase: false)
    }
}
