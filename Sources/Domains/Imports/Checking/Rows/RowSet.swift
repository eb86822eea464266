/// Some of a file's rows (from 1), one bit each.
struct RowSet: Sendable, Hashable {
    private var words: [UInt64] = []
    private(set) var count = 0

    func contains(_ row: Int) -> Bool {
        let word = row >> 6
        return word < words.count && words[word] >> UInt64(row & 63) & 1 != 0
    }

    /// True where it was not among them.
    @discardableResult
    mutating func insert(_ row: Int) -> Bool {
        let word = row >> 6
        if word >= words.count { words.append(contentsOf: repeatElement(0, count: word + 1 - words.count)) }
        let bit: UInt64 = 1 << UInt64(row & 63)
        guard words[word] & bit == 0 else { return false }
        words[word] |= bit
        count += 1
        return true
    }

    mutating func formUnion(_ other: RowSet) {
        for (word, bits) in other.words.enumerated() where bits != 0 {
            for bit in 0..<64 where bits >> UInt64(bit) & 1 != 0 { insert(word << 6 | bit) }
        }
    }

    /// How many of them stand before a row.
    struct Ranks: Sendable {
        private let rows: RowSet
        /// Before each 64th row.
        private let before: [UInt32]

        init(_ rows: RowSet) {
            self.rows = rows
            var before: [UInt32] = []
            before.reserveCapacity(rows.words.count)
            var sum: UInt32 = 0
            for word in rows.words {
                before.append(sum)
                sum &+= UInt32(truncatingIfNeeded: word.nonzeroBitCount)
            }
            self.before = before
        }

        func count(before row: Int) -> Int {
            let word = row >> 6
            guard word < before.count else { return rows.count }
            return Int(before[word]) + (rows.words[word] & (1 << UInt64(row & 63) - 1)).nonzeroBitCount
        }
    }
}
