/// How the text of a file is written in bytes.
public enum CSVEncoding: String, Sendable, CaseIterable {
    case utf8 = "utf-8"
    case utf16LittleEndian = "utf-16le"
    case utf16BigEndian = "utf-16be"
    case windows1252 = "windows-1252"
}

/// What a caller says about a file's encoding, as in `Content-Type: text/csv; charset=…`.
public enum CSVCharset: String, Sendable, CaseIterable {
    case utf8 = "utf-8"
    /// The file itself tells which byte comes first.
    case utf16 = "utf-16"
    case utf16LittleEndian = "utf-16le"
    case utf16BigEndian = "utf-16be"
    case windows1252 = "windows-1252"

    /// Takes the usual labels in any case. `iso-8859-1` is Windows-1252 here as everywhere on the web (WHATWG
    /// Encoding, 4.2): its further control codes are in nobody's CSV.
    /// - Returns: nil where the label names none of these.
    public init?(label: String) {
        switch label.lowercased() {
        case "utf-8", "utf8", "us-ascii", "ascii": self = .utf8
        case "utf-16", "utf16", "ucs-2", "unicode": self = .utf16
        case "utf-16le", "utf16le", "utf-16-le": self = .utf16LittleEndian
        case "utf-16be", "utf16be", "utf-16-be": self = .utf16BigEndian
        case "windows-1252", "cp1252", "cp-1252", "x-cp1252", "iso-8859-1", "iso8859-1", "iso_8859-1", "latin1",
            "latin-1", "l1":
            self = .windows1252
        default: return nil
        }
    }

    fileprivate var encoding: CSVEncoding {
        switch self {
        case .utf8: .utf8
        case .utf16, .utf16LittleEndian: .utf16LittleEndian
        case .utf16BigEndian: .utf16BigEndian
        case .windows1252: .windows1252
        }
    }

    fileprivate var isUTF16: Bool { self != .utf8 && self != .windows1252 }
}

/// Decides how a file is written, from its first bytes and from what its sender declares.
///
/// What the first bytes prove goes before what is declared: a byte order mark (as WHATWG Encoding, 6 has it), or
/// a zero in every second byte, which only ASCII in UTF-16 has. Nothing is guessed from bytes further on:
/// Windows-1252 must be declared, since every file could be that.
enum CSVEncodingChoice: Equatable {
    case encoding(CSVEncoding)
    case none(CSVForeignKind)

    /// So many bytes decide, or all where the file has fewer.
    static let bytesNeeded = 4

    init(head: [UInt8], declared: CSVCharset?) {
        if head == [0xFF, 0xFE, 0, 0] || head == [0, 0, 0xFE, 0xFF] {
            self = .none(.utf32)
        } else if head.starts(with: [0xFF, 0xFE]) {
            self = .encoding(.utf16LittleEndian)
        } else if head.starts(with: [0xFE, 0xFF]) {
            self = .encoding(.utf16BigEndian)
        } else if head.starts(with: CSVOpening.byteOrderMark) || CSVOpening.foreignKind(head)?.code == .binaryFile {
            // The reader says what kind of binary file it is.
            self = .encoding(.utf8)
        } else if head.count >= 2, let found = Self.zeros(in: head) {
            self = .encoding(found)
        } else if let declared, declared.isUTF16, head.count == Self.bytesNeeded, head.allSatisfy(Self.isPlain) {
            self = .none(.notAsDeclared)
        } else {
            self = .encoding(declared?.encoding ?? .utf8)
        }
    }

    private static func zeros(in head: [UInt8]) -> CSVEncoding? {
        func isZero(_ place: Int) -> Bool { place < head.count && head[place] == 0 }
        let pairs = 0..<head.count / 2
        if pairs.allSatisfy({ !isZero(2 * $0) && isZero(2 * $0 + 1) }) { return .utf16LittleEndian }
        if pairs.allSatisfy({ isZero(2 * $0) && !isZero(2 * $0 + 1) }) { return .utf16BigEndian }
        return nil
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        (0x20...0x7E).contains(byte) || byte == 0x09 || byte == CSVByte.lineFeed || byte == CSVByte.carriageReturn
    }
}

/// Windows-1252 as its vendor has it: five of its bytes mean nothing.
enum Windows1252 {
    /// What 0x80…0x9F mean; 0 where nothing.
    static let scalars: [UInt16] = [
        0x20AC, 0, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0, 0x017D, 0,
        0, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0, 0x017E,
        0x0178,
    ]
}

extension CSVEncoding {
    /// The bytes of a piece of decoded text as they stood in the file. Decoding loses nothing, a byte order mark
    /// stays as U+FEFF, so this is its inverse.
    /// - Parameter text: valid UTF-8 that came out of decoding a file in this encoding, cut between characters.
    public func bytes(of text: RawSpan) -> [UInt8] {
        let string = unsafe text.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
        switch self {
        case .utf8: return Array(string.utf8)
        case .utf16LittleEndian:
            return string.utf16.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
        case .utf16BigEndian:
            return string.utf16.flatMap { [UInt8(truncatingIfNeeded: $0 >> 8), UInt8(truncatingIfNeeded: $0)] }
        case .windows1252:
            return string.utf16.map { unit in
                guard unit > 0xFF, let place = Windows1252.scalars.firstIndex(of: unit) else {
                    return UInt8(truncatingIfNeeded: unit)
                }
                return UInt8(place + 0x80)
            }
        }
    }
}
