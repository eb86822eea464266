import CSV
import Foundation

/// Encoding and decoding written to be read, and with the tables of somebody else.
enum PlainText {
    /// Nil where the encoding has no bytes for the text.
    static func encode(_ text: String, as encoding: CSVEncoding) -> [UInt8]? {
        let foreign: String.Encoding =
            switch encoding {
            case .utf8: .utf8
            case .utf16LittleEndian: .utf16LittleEndian
            case .utf16BigEndian: .utf16BigEndian
            case .windows1252: .windowsCP1252
            }
        return text.data(using: foreign).map { Array($0) }
    }

    /// UTF-8, with a byte that is none where the bytes mean nothing, and nothing after it.
    static func decode(_ bytes: [UInt8], as encoding: CSVEncoding) -> [UInt8] {
        if encoding == .utf8 { return bytes }
        var text = ""
        var index = 0
        /// The unit of two bytes at a place.
        func unit(_ place: Int) -> UInt32? {
            guard place + 1 < bytes.count else { return nil }
            let (first, second) = (UInt32(bytes[place]), UInt32(bytes[place + 1]))
            return encoding == .utf16LittleEndian ? second * 256 + first : first * 256 + second
        }
        while index < bytes.count {
            var scalar: Unicode.Scalar?
            if encoding == .windows1252 {
                scalar = String(data: Data([bytes[index]]), encoding: .windowsCP1252)?.unicodeScalars.first
                if [0x81, 0x8D, 0x8F, 0x90, 0x9D].contains(bytes[index]) { scalar = nil }
                index += 1
            } else if let high = unit(index), (0xD800...0xDBFF).contains(high) {
                if let low = unit(index + 2), (0xDC00...0xDFFF).contains(low) {
                    scalar = Unicode.Scalar((high - 0xD800) * 1024 + (low - 0xDC00) + 0x10000)
                }
                index += 4
            } else {
                scalar = unit(index).flatMap { Unicode.Scalar($0) }
                index += 2
            }
            guard let scalar else { return Array(text.utf8) + [0xFF] }
            text.unicodeScalars.append(scalar)
        }
        return Array(text.utf8)
    }
}
