/// Eight bytes of a cell at once: cells are a few bytes each, and a loop over them costs more than what is done to them.
enum CellWord {
    static let highBits: UInt64 = 0x8080_8080_8080_8080
    static let zeros: UInt64 = 0x3030_3030_3030_3030

    /// The eight bytes from `index` on, the first one lowest. They must be there: that is not looked at again.
    @inline(__always)
    static func load(_ bytes: RawSpan, _ index: Int) -> UInt64 {
        assert(index >= 0 && index + 8 <= bytes.byteCount)
        return unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: index, as: UInt64.self).littleEndian
    }

    /// A cell of less than eight bytes, the first one lowest, nothing above the last one.
    @inline(__always)
    static func short(_ bytes: RawSpan, _ start: Int, _ end: Int) -> UInt64 {
        let bits = UInt64(truncatingIfNeeded: (end &- start) &* 8)
        // Eight at once wherever the record has as many before or behind.
        if end >= 8 { return load(bytes, end &- 8) >> (64 &- bits) }
        if bytes.byteCount &- start >= 8 { return load(bytes, start) & ((1 &<< bits) &- 1) }
        let span = Span<UInt8>(_bytes: bytes)
        var word: UInt64 = 0
        var index = end
        while index > start {
            index &-= 1
            word = word &<< 8 | UInt64(span[index])
        }
        return word
    }

    /// The first and the last eight bytes; of less than eight both are all. With their number they say all of a cell that
    /// has sixteen at most.
    @inline(__always)
    static func both(_ bytes: RawSpan, _ start: Int, _ end: Int) -> (first: UInt64, last: UInt64) {
        if end &- start >= 8 { return (load(bytes, start), load(bytes, end &- 8)) }
        let word = short(bytes, start, end)
        return (word, word)
    }

    /// A to Z become a to z, all other bytes stay.
    @inline(__always)
    static func lowercased(_ word: UInt64) -> UInt64 {
        let bits = word & ~highBits
        let fromA = bits &+ 0x3F3F_3F3F_3F3F_3F3F
        let beyondZ = bits &+ 0x2525_2525_2525_2525
        let isUpper = (fromA ^ beyondZ) & ~word & highBits
        return word | isUpper &>> 2
    }

    /// The highest bit of each byte that is no letter or digit of ASCII.
    @inline(__always)
    static func others(_ word: UInt64) -> UInt64 {
        let bits = word & ~highBits
        let letters = bits | 0x2020_2020_2020_2020
        let isLetter = (letters &+ 0x1F1F_1F1F_1F1F_1F1F) & ~(letters &+ 0x0505_0505_0505_0505)
        let isDigit = (bits &+ 0x5050_5050_5050_5050) & ~(bits &+ 0x4646_4646_4646_4646)
        return ~((isLetter | isDigit) & ~word) & highBits
    }

    /// The number that a cell of one to eight digits says; nil where it has other bytes, or more.
    @inline(__always)
    static func digits(_ bytes: RawSpan, _ start: Int, _ end: Int) -> Int64? {
        let count = end &- start
        guard count >= 1, count <= 8 else { return nil }
        let word = count == 8 ? load(bytes, start) : short(bytes, start, end)
        // Noughts before the first one.
        let missing = UInt64(truncatingIfNeeded: 64 &- count &* 8)
        var value = (word ^ (zeros &>> missing)) &<< missing
        guard (value | (value &+ 0x7676_7676_7676_7676)) & highBits == 0 else { return nil }
        // Two digits to a number below a hundred, these to one below ten thousand, these to the whole.
        value = value &* 10 &+ value &>> 8
        let front = (value & 0x0000_00FF_0000_00FF) &* 0x000F_4240_0000_0064
        let back = (value &>> 16 & 0x0000_00FF_0000_00FF) &* 0x0000_2710_0000_0001
        return Int64(truncatingIfNeeded: (front &+ back) &>> 32)
    }
}
