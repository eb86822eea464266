import Foundation

/// Bytes that are the same each time and that no shift leaves alike: random ones, repeated after a prime number.
struct Pattern {
    private static let block: [UInt8] = {
        var state: UInt64 = 0x9e37_79b9_7f4a_7c15
        return (0..<1_000_003).map { _ in
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return UInt8(truncatingIfNeeded: state >> 24)
        }
    }()

    private(set) var position = 0
    /// Whether all that was compared so far was as it should be.
    private(set) var isIntact = true

    mutating func next(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        while bytes.count < count { bytes += stretch(upTo: count - bytes.count) }
        return bytes
    }

    /// Looks whether these are the next bytes.
    mutating func compare(_ bytes: ArraySlice<UInt8>) {
        var rest = bytes
        while !rest.isEmpty {
            let expected = stretch(upTo: rest.count)
            let isSame = unsafe rest.withUnsafeBytes { rest in
                unsafe expected.withUnsafeBytes { expected in
                    guard let first = rest.baseAddress, let second = expected.baseAddress else { return false }
                    return unsafe memcmp(first, second, expected.count) == 0
                }
            }
            isIntact = isIntact && isSame
            rest = rest.dropFirst(expected.count)
        }
    }

    private mutating func stretch(upTo count: Int) -> ArraySlice<UInt8> {
        let start = position % Self.block.count
        let end = min(Self.block.count, start + count)
        position += end - start
        return Self.block[start..<end]
    }
}
