/// The first row of each identity seen: a hash table with open addressing whose room is bounded.
@safe
struct FirstRows: ~Copyable {
    private var slots: UnsafeMutableBufferPointer<RowFingerprint> = .allocate(capacity: 0)
    private var mask = 0
    /// Nobody knows it who makes rows up: none can see to it that they all meet in one place.
    private let salt = UInt64.random(in: 0 ... .max) | 1
    private var count = 0
    private var room = 0

    deinit { unsafe slots.deallocate() }

    /// How many identities fit into this many bytes: a quarter of the places stays free, so that searching is short.
    static func room(memory: Int) -> Int {
        let slots = max(16, memory / MemoryLayout<RowFingerprint>.stride)
        return (1 << (Int.bitWidth - 1 - slots.leadingZeroBitCount)) / 4 * 3
    }

    /// Empties it.
    /// - Parameter room: how many identities it is to take at least.
    mutating func reset(room: Int) {
        let size = max(16, (room + room / 3 + 1).nextPowerOfTwo)
        if unsafe size != slots.count {
            unsafe slots.deallocate()
            unsafe slots = .allocate(capacity: size)
        }
        unsafe slots.initialize(repeating: .none)
        mask = size - 1
        count = 0
        self.room = size / 4 * 3
    }

    enum Answer {
        case isNew
        case repeats(RowFingerprint)
        case isFull
    }

    @inline(__always)
    mutating func insert(_ row: RowFingerprint) -> Answer {
        let index = place(of: row)
        let found = unsafe slots[index]
        if found.row != 0 { return .repeats(found) }
        guard count < room else { return .isFull }
        unsafe slots[index] = row
        count &+= 1
        return .isNew
    }

    /// Nil where none was inserted.
    func first(_ row: RowFingerprint) -> RowFingerprint? {
        let found = unsafe slots[place(of: row)]
        return found.row == 0 ? nil : found
    }

    /// Where the first of the same stands, or would.
    @inline(__always)
    private func place(of row: RowFingerprint) -> Int {
        var index = Int(truncatingIfNeeded: (row.high &* salt) &>> 32) & mask
        while true {
            let found = unsafe slots[index]
            if found.row == 0 || found.isSame(as: row) { return index }
            index = (index &+ 1) & mask
        }
    }
}

extension Int {
    fileprivate var nextPowerOfTwo: Int { self <= 1 ? 1 : 1 << (Int.bitWidth - (self - 1).leadingZeroBitCount) }
}
