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

/// The hash of one cell's bytes, made for cells: a few bytes each, one after another. Two lanes of 64 × 64 → 128 bit
/// multiplications, folded; no table, no set-up.
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
                let left = load(bytes, index, ignoresCase)
                let right = load(bytes, index &+ 8, ignoresCase)
                high = fold(left ^ high, right ^ secrets.0)
                low = fold(right ^ low, left ^ secrets.1)
                index &+= 16
            }
            // The last sixteen, or all: what is read twice stays what it is.
            first = load(bytes, max(start, end &- 16), ignoresCase)
            last = load(bytes, end &- 8, ignoresCase)
        } else if count >= 4 {
            first = UInt64(unsafe bytes.unsafeLoadUnaligned(fromByteOffset: start, as: UInt32.self).littleEndian)
            last = UInt64(unsafe bytes.unsafeLoadUnaligned(fromByteOffset: end &- 4, as: UInt32.self).littleEndian)
            if ignoresCase {
                first = lowercased(first)
                last = lowercased(last)
            }
        } else if count > 0 {
            let span = Span<UInt8>(_bytes: bytes)
            first =
                UInt64(span[start]) | UInt64(span[start &+ count &>> 1]) &<< 8 | UInt64(span[end &- 1]) &<< 16
            if ignoresCase { first = lowercased(first) }
            last = 0
        } else {
            first = 0
            last = 0
        }
        let length = UInt64(truncatingIfNeeded: count)
        high = fold(first ^ high, last ^ secrets.2)
        low = fold(last ^ low ^ secrets.3, first ^ secrets.0 ^ length)
        return RowIdentity(
            high: fold(high ^ secrets.1 ^ length, low ^ secrets.4),
            low: fold(low ^ secrets.5 ^ length, high ^ secrets.2))
    }

    @inline(__always)
    private static func load(_ bytes: RawSpan, _ index: Int, _ ignoresCase: Bool) -> UInt64 {
        let word = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self).littleEndian
        return ignoresCase ? lowercased(word) : word
    }

    /// Eight bytes at once: A to Z become a to z, all others stay.
    @inline(__always)
    private static func lowercased(_ word: UInt64) -> UInt64 {
        let bits = word & 0x7F7F_7F7F_7F7F_7F7F
        let fromA = bits &+ 0x3F3F_3F3F_3F3F_3F3F
        let beyondZ = bits &+ 0x2525_2525_2525_2525
        let isUpper = (fromA ^ beyondZ) & ~word & 0x8080_8080_8080_8080
        return word | isUpper &>> 2
    }

    static func hash(_ text: String) -> RowIdentity {
        let bytes = Array(text.utf8)
        return unsafe hash(
            bytes.span.bytes, 0, bytes.count, seed: RowIdentity(high: secrets.6, low: secrets.7), ignoresCase: false)
    }
}
