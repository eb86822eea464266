/// What separates the cells.
public enum CSVDelimiter: String, Sendable, CaseIterable {
    case comma = ","
    case semicolon = ";"
    case tab = "\t"
    case pipe = "|"

    public var byte: UInt8 {
        switch self {
        case .comma: 0x2C
        case .semicolon: 0x3B
        case .tab: 0x09
        case .pipe: 0x7C
        }
    }
}

/// How the file at hand is written, as far as it has been read.
public struct CSVDialect: Sendable, Hashable {
    /// The ends of line met at the end of a record.
    public struct LineEnds: OptionSet, Sendable, Hashable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        public static let lineFeed = Self(rawValue: 1)
        public static let carriageReturnLineFeed = Self(rawValue: 2)
        public static let carriageReturn = Self(rawValue: 4)
    }

    public init() {}

    public internal(set) var delimiter = CSVDelimiter.comma
    /// EF BB BF stood first.
    public internal(set) var hasByteOrderMark = false
    /// Lines without anything stood before the header.
    public internal(set) var hasLeadingBlankLines = false
    /// The first line was `sep=;` or alike, as spreadsheets leave it.
    public internal(set) var hasSeparatorLine = false
    public internal(set) var lineEnds: LineEnds = []

    /// With what somebody met who read on elsewhere in the file.
    public func joined(_ more: LineEnds) -> CSVDialect {
        var joined = self
        joined.lineEnds.formUnion(more)
        return joined
    }

    /// As RFC 4180 has it: no byte order mark, commas, LF or CRLF, the header first.
    public var isPlain: Bool {
        delimiter == .comma && !hasByteOrderMark && !hasLeadingBlankLines && !hasSeparatorLine
            && !lineEnds.contains(.carriageReturn)
    }
}

/// Decides what a file is from its first bytes, before any record is read.
enum CSVOpening {
    static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

    /// What the first bytes announce instead of text in UTF-8. Every signature is four bytes at most and none
    /// holds a line end, so the answer does not depend on how much has arrived.
    static func foreignKind(_ bytes: [UInt8]) -> (code: CSVProblem.Code, kind: CSVForeignKind)? {
        let signatures: [([UInt8], CSVForeignKind)] = [
            ([0x50, 0x4B, 0x03, 0x04], .workbook),
            ([0xD0, 0xCF, 0x11, 0xE0], .oldWorkbook),
            ([0x1F, 0x8B], .gzip),
            ([0x28, 0xB5, 0x2F, 0xFD], .zstd),
            ([0x25, 0x50, 0x44, 0x46], .pdf),
            ([0x89, 0x50, 0x4E, 0x47], .picture),
            ([0x37, 0x7A, 0xBC, 0xAF], .sevenZip),
        ]
        if let found = signatures.first(where: { bytes.starts(with: $0.0) }) { return (.binaryFile, found.1) }
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) { return (.invalidEncoding, .utf16) }
        if bytes.count >= 2, (bytes[0] == 0) != (bytes[1] == 0) { return (.invalidEncoding, .utf16) }
        return nil
    }

    /// A first line that only names the delimiter, as Excel writes and reads it (`sep=;`, in any case, quoted or not),
    /// and how many bytes it has with its line end. To be asked when the header's line is known as well.
    static func separatorLine(of bytes: ArraySlice<UInt8>) -> (delimiter: CSVDelimiter, byteCount: Int)? {
        let end = bytes.firstIndex { $0 == CSVByte.lineFeed || $0 == CSVByte.carriageReturn } ?? bytes.endIndex
        var line = bytes[bytes.startIndex..<end]
        if line.count == 7, line.first == CSVByte.quote, line.last == CSVByte.quote {
            line = line.dropFirst().dropLast()
        }
        guard line.count == 5, line.prefix(4).map({ $0 | 0x20 }) == Array("sep=".utf8).map({ $0 | 0x20 }),
            line[line.startIndex + 3] == UInt8(ascii: "="),
            let delimiter = CSVDelimiter.allCases.first(where: { $0.byte == line.last })
        else { return nil }
        let ending = bytes[end...].starts(with: [CSVByte.carriageReturn, CSVByte.lineFeed]) ? 2 : 1
        return (delimiter, min(end + ending, bytes.endIndex) - bytes.startIndex)
    }

    /// The header's line within `bytes`: blank lines before it left out, quotes heeded.
    /// Nil while more bytes could change the answer.
    static func headerLine(of bytes: ArraySlice<UInt8>, isWhole: Bool) -> ArraySlice<UInt8>? {
        let start = bytes.firstIndex { $0 != CSVByte.lineFeed && $0 != CSVByte.carriageReturn } ?? bytes.endIndex
        var isQuoted = false
        var firstEnd: Int?
        for index in start..<bytes.endIndex {
            switch bytes[index] {
            case CSVByte.quote: isQuoted.toggle()
            case CSVByte.lineFeed, CSVByte.carriageReturn:
                if !isQuoted { return bytes[start..<index] }
                firstEnd = firstEnd ?? index
            default: break
            }
        }
        return isWhole ? bytes[start..<(firstEnd ?? bytes.endIndex)] : nil
    }

    /// The delimiter under which most known names appear in the header's line; the one announced where none does
    /// better.
    static func delimiter(
        of line: ArraySlice<UInt8>, announced: CSVDelimiter, isKnown: (String) -> Bool
    ) -> CSVDelimiter {
        var best = (
            delimiter: announced, known: names(in: line, delimiter: announced.byte).count(where: isKnown)
        )
        for delimiter in CSVDelimiter.allCases {
            let known = names(in: line, delimiter: delimiter.byte).count(where: isKnown)
            if known > best.known { best = (delimiter, known) }
        }
        return best.delimiter
    }

    private static func names(in line: ArraySlice<UInt8>, delimiter: UInt8) -> [String] {
        var names: [[UInt8]] = [[]]
        var isQuoted = false
        for byte in line {
            if byte == CSVByte.quote {
                isQuoted.toggle()
            } else if byte == delimiter, !isQuoted {
                names.append([])
            } else {
                names[names.endIndex - 1].append(byte)
            }
        }
        return names.map { String(decoding: $0, as: UTF8.self) }
    }
}
