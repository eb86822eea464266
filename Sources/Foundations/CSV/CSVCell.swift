/// Where one cell lies within the bytes of its record. No text is made until somebody asks for it.
@frozen
public struct CSVCell: BitwiseCopyable, Sendable {
    @usableFromInline let start: UInt32
    /// The end in the low 30 bits, then "has doubled quotes", then "was quoted".
    @usableFromInline let endAndFlags: UInt32

    @usableFromInline static var quotedFlag: UInt32 { 1 << 31 }
    @usableFromInline static var escapedFlag: UInt32 { 1 << 30 }

    @inlinable @inline(__always)
    init(start: Int, end: Int, flags: UInt32) {
        self.start = UInt32(truncatingIfNeeded: start)
        self.endAndFlags = UInt32(truncatingIfNeeded: end) | flags
    }

    /// The first byte of the content (after an opening quote), relative to the record's first byte.
    @inlinable @inline(__always)
    public var lowerBound: Int { Int(start) }

    /// One past the last byte of the content (the closing quote of a quoted cell).
    @inlinable @inline(__always)
    public var upperBound: Int { Int(endAndFlags & ~(Self.quotedFlag | Self.escapedFlag)) }

    @inlinable @inline(__always)
    public var byteCount: Int { upperBound &- lowerBound }

    /// Stood between quotes.
    @inlinable public var isQuoted: Bool { endAndFlags & Self.quotedFlag != 0 }

    /// Holds doubled quotes, which each mean one: read it through `unescape`.
    @inlinable @inline(__always)
    public var hasEscapes: Bool { endAndFlags & Self.escapedFlag != 0 }

    /// The content's bytes, each doubled quote as one, put into `bytes` (emptied first).
    /// - Parameter record: all bytes of the record.
    public func unescape(from record: RawSpan, into bytes: inout [UInt8]) {
        bytes.removeAll(keepingCapacity: true)
        let span = Span<UInt8>(_bytes: record)
        var index = lowerBound
        let end = upperBound
        while index < end {
            let byte = span[index]
            bytes.append(byte)
            index += byte == CSVByte.quote && hasEscapes ? 2 : 1
        }
    }

    /// The content as text, at most `limit` characters of it. Invalid UTF-8 becomes U+FFFD.
    public func text(in record: RawSpan, limit: Int = .max) -> String {
        var bytes: [UInt8] = []
        unescape(from: record, into: &bytes)
        let text = String(decoding: bytes, as: UTF8.self)
        return bytes.count <= limit ? text : String(text.prefix(limit))
    }
}

extension Span where Element == CSVCell {
    /// Nothing but delimiters: no cell has a byte, not even quotes. So spreadsheets leave rows that were emptied.
    @inlinable @inline(__always)
    public var hasOnlyDelimiters: Bool {
        for index in indices {
            let cell = self[index]
            if cell.byteCount != 0 || cell.isQuoted { return false }
        }
        return true
    }
}

/// The bytes that mean something to CSV.
@usableFromInline
enum CSVByte {
    static let quote: UInt8 = 0x22
    static let lineFeed: UInt8 = 0x0A
    static let carriageReturn: UInt8 = 0x0D
}
