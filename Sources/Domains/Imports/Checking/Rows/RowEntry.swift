/// One identity of one row, as rows are sorted and remembered. It is stored as it lies in memory (little endian, 24
/// bytes), so its shape must never change.
struct RowEntry: BitwiseCopyable, Sendable, Hashable, Comparable {
    var identity: RowIdentity
    /// The data row, from 1.
    var row: UInt32
    /// While a file is checked: the column the identity is of, `RowIdentifier.wholeRow` for none, `besideKey`. In a record
    /// of what was forwarded: the row's place among those that are forwarded, from 0; with `besideKey` added.
    var mark: UInt32

    /// The identity is of what a row says besides its unique fields, and means the same only as a row that has none.
    static let besideKey: UInt32 = 1 << 31
    var isBesideKey: Bool { mark >= Self.besideKey && mark != .max }
    /// In a record.
    var place: Int { Int(mark & ~Self.besideKey) }

    /// Behind all others.
    static let end = RowEntry(identity: RowIdentity(high: .max, low: .max), row: .max, mark: .max)

    static let byteCount = MemoryLayout<RowEntry>.stride

    @inline(__always)
    static func < (left: RowEntry, right: RowEntry) -> Bool {
        if left.identity.high != right.identity.high { return left.identity.high < right.identity.high }
        if left.identity.low != right.identity.low { return left.identity.low < right.identity.low }
        return left.row < right.row
    }
}

/// Sorts entries in their place. Identities are evenly spread, so two rounds of putting them where their first bits
/// belong leave next to nothing to compare; where they are not (the same row again and again) the rest is compared.
enum RowEntrySort {
    private static let small = 24

    static func sort(_ entries: UnsafeMutableBufferPointer<RowEntry>) {
        let bits = min(11, max(0, (entries.count / 8).bitWidth - (entries.count / 8).leadingZeroBitCount))
        var entries = unsafe entries
        unsafe sort(&entries, shift: 64, bits: bits)
    }

    /// - Parameter shift: the bits of `high` from here on upwards are the same already, or not looked at any more.
    private static func sort(_ entries: inout UnsafeMutableBufferPointer<RowEntry>, shift: Int, bits: Int) {
        if entries.count <= small {
            unsafe insertionSort(entries)
            return
        }
        guard bits > 0, shift - bits >= 0 else {
            unsafe entries.sort()
            return
        }
        let shift = shift - bits
        let mask = (UInt64(1) << UInt64(bits)) - 1
        @inline(__always) func bucket(_ entry: RowEntry) -> Int {
            Int(truncatingIfNeeded: entry.identity.high &>> UInt64(shift) & mask)
        }
        var ends = [Int](repeating: 0, count: 1 << bits)
        for index in 0..<entries.count { ends[bucket(unsafe entries[index])] += 1 }
        let largest = ends.max() ?? 0
        if largest > entries.count / 2, entries.count > 1024 {
            // Not evenly spread: another round would gain nothing.
            unsafe entries.sort()
            return
        }
        var starts = [Int](repeating: 0, count: 1 << bits)
        var sum = 0
        for index in ends.indices {
            starts[index] = sum
            sum += ends[index]
            ends[index] = sum
        }
        var next = starts
        for index in ends.indices {
            while next[index] < ends[index] {
                var entry = unsafe entries[next[index]]
                var home = bucket(entry)
                while home != index {
                    unsafe swap(&entry, &entries[next[home]])
                    next[home] += 1
                    home = bucket(entry)
                }
                unsafe entries[next[index]] = entry
                next[index] += 1
            }
        }
        for index in ends.indices where ends[index] - starts[index] > 1 {
            var part = unsafe UnsafeMutableBufferPointer(rebasing: entries[starts[index]..<ends[index]])
            let width = part.count / 8
            unsafe sort(&part, shift: shift, bits: min(8, width.bitWidth - width.leadingZeroBitCount))
        }
    }

    private static func insertionSort(_ entries: UnsafeMutableBufferPointer<RowEntry>) {
        var index = 1
        while index < entries.count {
            let entry = unsafe entries[index]
            var place = index
            while unsafe place > 0 && entry < entries[place &- 1] {
                unsafe entries[place] = entries[place &- 1]
                place &-= 1
            }
            unsafe entries[place] = entry
            index &+= 1
        }
    }
}
