/// Turns a file's bytes into UTF-8 as they come, at any borders. Nothing is lost: `CSVEncoding.bytes(of:)` gives the
/// bytes back.
///
/// Where the bytes mean nothing (an unpaired surrogate, half a unit at the end, a byte that Windows-1252 does not
/// have) a byte that is no UTF-8 comes out and nothing after it: so whoever reads on finds the very place.
struct CSVTranscoder: Sendable {
    let encoding: CSVEncoding
    /// What could not be decoded has come; nothing more does.
    private(set) var isBroken = false
    /// Not all bytes came out as they went in.
    private(set) var changesBytes: Bool

    /// The first byte of a unit whose second has not come.
    private var firstByte: UInt8?
    /// The first half of a pair whose second has not come.
    private var highSurrogate: UInt16 = 0

    /// Bytes taken at once at most.
    static let slice = 64 << 10
    /// Room that a slice needs when it comes out: three bytes for each byte of Windows-1252, and what was held.
    static let room = 3 * slice + 16
    private static let invalid: UInt8 = 0xFF

    init(_ encoding: CSVEncoding) {
        self.encoding = encoding
        changesBytes = encoding == .utf16LittleEndian || encoding == .utf16BigEndian
    }

    /// Takes `Self.slice` bytes at most and writes UTF-8 to `output`, which has `Self.room`. Returns its length.
    mutating func decode(_ bytes: UnsafeRawBufferPointer, to output: UnsafeMutableRawPointer) -> Int {
        guard !isBroken else { return 0 }
        var writer = unsafe UTF8Writer(output: output)
        switch encoding {
        case .utf8: preconditionFailure("UTF-8 needs no decoding")
        case .utf16LittleEndian: unsafe decodeUTF16(bytes, isBigEndian: false, to: &writer)
        case .utf16BigEndian: unsafe decodeUTF16(bytes, isBigEndian: true, to: &writer)
        case .windows1252: unsafe decodeWindows1252(bytes, to: &writer)
        }
        return writer.count
    }

    /// The end of the file: what comes out for what was waiting.
    mutating func finish() -> [UInt8] {
        guard !isBroken, firstByte != nil || highSurrogate != 0 else { return [] }
        isBroken = true
        return [Self.invalid]
    }

    private mutating func decodeUTF16(
        _ bytes: UnsafeRawBufferPointer, isBigEndian: Bool, to writer: inout UTF8Writer
    ) {
        var index = 0
        if let first = firstByte {
            guard unsafe !bytes.isEmpty else { return }
            let second = unsafe bytes[0]
            firstByte = nil
            index = 1
            take(isBigEndian ? Self.unit(first, second) : Self.unit(second, first), to: &writer)
        }
        let count = bytes.count
        while index &+ 1 < count, !isBroken {
            // Four units at once while they are ASCII.
            if index &+ 8 <= count, highSurrogate == 0 {
                var four = unsafe bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self).littleEndian
                if isBigEndian { four = (four & 0x00FF_00FF_00FF_00FF) &<< 8 | (four &>> 8) & 0x00FF_00FF_00FF_00FF }
                if four & 0xFF80_FF80_FF80_FF80 == 0 {
                    let pairs = (four | four &>> 8) & 0x0000_FFFF_0000_FFFF
                    writer.write(four: UInt32(truncatingIfNeeded: pairs | pairs &>> 16))
                    index &+= 8
                    continue
                }
            }
            let (first, second) = unsafe (bytes[index], bytes[index &+ 1])
            index &+= 2
            take(isBigEndian ? Self.unit(first, second) : Self.unit(second, first), to: &writer)
        }
        if index < count, !isBroken { firstByte = unsafe bytes[index] }
    }

    @inline(__always)
    private static func unit(_ high: UInt8, _ low: UInt8) -> UInt16 { UInt16(high) &<< 8 | UInt16(low) }

    @inline(__always)
    private mutating func take(_ unit: UInt16, to writer: inout UTF8Writer) {
        let isLow = unit & 0xFC00 == 0xDC00
        guard isLow == (highSurrogate != 0) else {
            isBroken = true
            writer.write(byte: Self.invalid)
            return
        }
        if isLow {
            writer.write(0x10000 &+ (UInt32(highSurrogate & 0x3FF) &<< 10 | UInt32(unit & 0x3FF)))
            highSurrogate = 0
        } else if unit & 0xFC00 == 0xD800 {
            highSurrogate = unit
        } else {
            writer.write(UInt32(unit))
        }
    }

    private mutating func decodeWindows1252(_ bytes: UnsafeRawBufferPointer, to writer: inout UTF8Writer) {
        let table = Windows1252.scalars
        let scalars = table.span
        var index = 0
        let count = bytes.count
        while index < count {
            if index &+ 8 <= count {
                let eight = unsafe bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                if eight & 0x8080_8080_8080_8080 == 0 {
                    writer.write(eight: eight)
                    index &+= 8
                    continue
                }
            }
            let byte = unsafe bytes[index]
            index &+= 1
            if byte < 0x80 {
                writer.write(byte: byte)
                continue
            }
            changesBytes = true
            let scalar = byte < 0xA0 ? scalars[Int(byte) &- 0x80] : UInt16(byte)
            guard scalar != 0 else {
                isBroken = true
                writer.write(byte: Self.invalid)
                return
            }
            writer.write(UInt32(scalar))
        }
    }
}

/// Puts scalars down as UTF-8. The memory has room for them; nobody checks.
@safe
private struct UTF8Writer {
    let output: UnsafeMutableRawPointer
    private(set) var count = 0

    @inline(__always)
    init(output: UnsafeMutableRawPointer) {
        unsafe self.output = output
    }

    @inline(__always)
    mutating func write(byte: UInt8) {
        unsafe output.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
        count &+= 1
    }

    @inline(__always)
    mutating func write(four: UInt32) {
        unsafe output.storeBytes(of: four.littleEndian, toByteOffset: count, as: UInt32.self)
        count &+= 4
    }

    @inline(__always)
    mutating func write(eight: UInt64) {
        unsafe output.storeBytes(of: eight, toByteOffset: count, as: UInt64.self)
        count &+= 8
    }

    mutating func write(_ scalar: UInt32) {
        if scalar < 0x80 {
            write(byte: UInt8(truncatingIfNeeded: scalar))
            return
        }
        if scalar < 0x800 {
            write(byte: UInt8(truncatingIfNeeded: 0xC0 | scalar &>> 6))
        } else {
            if scalar < 0x10000 {
                write(byte: UInt8(truncatingIfNeeded: 0xE0 | scalar &>> 12))
            } else {
                write(byte: UInt8(truncatingIfNeeded: 0xF0 | scalar &>> 18))
                write(byte: UInt8(truncatingIfNeeded: 0x80 | scalar &>> 12 & 0x3F))
            }
            write(byte: UInt8(truncatingIfNeeded: 0x80 | scalar &>> 6 & 0x3F))
        }
        write(byte: UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3F))
    }
}
