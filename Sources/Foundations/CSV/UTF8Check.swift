/// Strict UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.
public enum UTF8Check {
    /// The offset of the first byte that begins no valid sequence; nil where all is valid.
    public static func firstInvalid(in bytes: RawSpan) -> Int? {
        unsafe bytes.withUnsafeBytes { unsafe firstInvalid(in: $0) }
    }

    static func firstInvalid(in bytes: UnsafeRawBufferPointer) -> Int? {
        let count = bytes.count
        var index = 0
        while index < count {
            if index &+ 8 <= count,
                unsafe bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
            {
                index &+= 8
                continue
            }
            let first = unsafe bytes[index]
            if first < 0x80 {
                index &+= 1
                continue
            }
            // What the second byte may be depends on the first; the others are 80…BF.
            let length: Int
            var second: ClosedRange<UInt8> = 0x80...0xBF
            switch first {
            case 0xC2...0xDF: length = 2
            case 0xE0: (length, second) = (3, 0xA0...0xBF)
            case 0xE1...0xEC, 0xEE...0xEF: length = 3
            case 0xED: (length, second) = (3, 0x80...0x9F)
            case 0xF0: (length, second) = (4, 0x90...0xBF)
            case 0xF1...0xF3: length = 4
            case 0xF4: (length, second) = (4, 0x80...0x8F)
            default: return index
            }
            guard index &+ length <= count, unsafe second.contains(bytes[index &+ 1]) else { return index }
            var next = index &+ 2
            while next < index &+ length {
                guard unsafe bytes[next] & 0xC0 == 0x80 else { return index }
                next &+= 1
            }
            index &+= length
        }
        return nil
    }

    /// Unicode scalars in valid UTF-8: every byte that does not continue one.
    public static func scalarCount(of bytes: RawSpan, from start: Int, to end: Int) -> Int {
        let span = Span<UInt8>(_bytes: bytes)
        var count = 0
        for index in start..<end where span[index] & 0xC0 != 0x80 { count &+= 1 }
        return count
    }
}
