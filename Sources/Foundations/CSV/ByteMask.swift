/// Looks at 64 bytes at once and answers with one bit for each, first byte lowest.
///
/// Written out for concrete types: the same through a generic costs a factor of fifty across modules.
enum ByteMask {
    static let width = 64

    /// Bytes equal to `delimiter` or a quote, and all below 14 (NUL, tab, LF, CR among them).
    /// `high` has a bit above 0x7F set in any byte where some byte is not ASCII.
    @inline(__always)
    static func special(
        at pointer: UnsafeRawPointer, delimiter: SIMD16<UInt8>, high: inout SIMD16<UInt8>
    ) -> UInt64 {
        var bits: UInt64 = 0
        var all = SIMD16<UInt8>(repeating: 0)
        var part = 0
        while part < 4 {
            let bytes = unsafe pointer.loadUnaligned(fromByteOffset: part &* 16, as: SIMD16<UInt8>.self)
            all |= bytes
            let isSpecial =
                (bytes .== delimiter) .| (bytes .== SIMD16<UInt8>(repeating: 0x22))
                .| (bytes .< SIMD16<UInt8>(repeating: 14))
            bits |= gather(isSpecial) &<< UInt64(part &* 16)
            part &+= 1
        }
        high = all
        return bits
    }

    /// Bytes above 0x7F.
    @inline(__always)
    static func nonASCII(at pointer: UnsafeRawPointer) -> UInt64 {
        var bits: UInt64 = 0
        var part = 0
        while part < 4 {
            let bytes = unsafe pointer.loadUnaligned(fromByteOffset: part &* 16, as: SIMD16<UInt8>.self)
            bits |= gather(bytes .>= SIMD16<UInt8>(repeating: 0x80)) &<< UInt64(part &* 16)
            part &+= 1
        }
        return bits
    }

    @inline(__always)
    static func hasNonASCII(_ high: SIMD16<UInt8>) -> Bool {
        let halves = unsafe unsafeBitCast(high, to: SIMD2<UInt64>.self)
        return (halves.x | halves.y) & 0x8080_8080_8080_8080 != 0
    }

    /// Sixteen truths as sixteen bits: a multiplication moves bit 0 of each of eight bytes into the top byte.
    @inline(__always)
    private static func gather(_ mask: SIMDMask<SIMD16<Int8>>) -> UInt64 {
        let ones = SIMD16<UInt8>(repeating: 0).replacing(with: SIMD16<UInt8>(repeating: 1), where: mask)
        let halves = unsafe unsafeBitCast(ones, to: SIMD2<UInt64>.self)
        let low = (halves.x &* 0x0102_0408_1020_4080) &>> 56
        let high = (halves.y &* 0x0102_0408_1020_4080) &>> 56
        return low | high &<< 8
    }
}
