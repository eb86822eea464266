import Synchronization

/// A zip of generated files, stored without compression, and as little there as they are: every byte is computed
/// from its place. Checksums are made once, when the first byte is asked for. Holds less than 4 GiB (no zip64).
final class ZipArchive: Sendable {
    private struct Entry {
        let name: [UInt8]
        let rows: GeneratedRows
        let offset: Int
    }

    private enum Segment {
        case bytes([UInt8])
        case rows(GeneratedRows)

        var size: Int {
            switch self {
            case .bytes(let bytes): bytes.count
            case .rows(let rows): rows.size
            }
        }
    }

    private static let localHeaderSize = 30
    private static let centralHeaderSize = 46
    private static let endSize = 22

    private let entries: [Entry]
    let size: Int
    private let segments = Mutex<[Segment]?>(nil)

    /// Nil where the archive would be too large.
    init?(_ files: [(name: String, rows: GeneratedRows)]) {
        var entries: [Entry] = []
        var offset = 0
        var central = 0
        for file in files {
            let name = Array(file.name.utf8)
            entries.append(Entry(name: name, rows: file.rows, offset: offset))
            offset += Self.localHeaderSize + name.count + file.rows.size
            central += Self.centralHeaderSize + name.count
        }
        self.entries = entries
        self.size = offset + central + Self.endSize
        if size >= 1 << 32 || files.count >= 1 << 16 { return nil }
    }

    func bytes(from offset: Int, atMost limit: Int) -> ArraySlice<UInt8> {
        var start = 0
        for segment in laidOut() {
            if offset < start + segment.size {
                let inside = offset - start
                switch segment {
                case .bytes(let bytes): return bytes[inside..<min(bytes.count, inside + limit)]
                case .rows(let rows): return rows.bytes(from: inside, atMost: limit)
                }
            }
            start += segment.size
        }
        return []
    }

    private func laidOut() -> [Segment] {
        segments.withLock { segments in
            if let segments { return segments }
            let made = layOut()
            segments = made
            return made
        }
    }

    private func layOut() -> [Segment] {
        var segments: [Segment] = []
        var central: [UInt8] = []
        for entry in entries {
            let checksum = CRC32.of(entry.rows)
            // Version 2.0, names in UTF-8, stored, 2026-01-01 00:00, then checksum and sizes.
            let shared =
                little(20, 2) + little(0x800, 2) + little(0, 2) + little(0, 2) + little(0x5C21, 2)
                + little(Int(checksum), 4) + little(entry.rows.size, 4) + little(entry.rows.size, 4)
                + little(entry.name.count, 2) + little(0, 2)
            segments.append(.bytes(little(0x0403_4B50, 4) + shared + entry.name))
            segments.append(.rows(entry.rows))
            central += little(0x0201_4B50, 4) + little(20, 2) + shared
            central += little(0, 2) + little(0, 2) + little(0, 2) + little(0, 4) + little(entry.offset, 4) + entry.name
        }
        let end =
            little(0x0605_4B50, 4) + little(0, 2) + little(0, 2) + little(entries.count, 2) + little(entries.count, 2)
            + little(central.count, 4) + little(size - central.count - Self.endSize, 4) + little(0, 2)
        segments.append(.bytes(central + end))
        return segments
    }

    private func little(_ number: Int, _ width: Int) -> [UInt8] {
        (0..<width).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
    }
}

/// The checksum of zip files.
enum CRC32 {
    private static let table: [UInt32] = (0..<256).map { number in
        (0..<8).reduce(UInt32(number)) { value, _ in value & 1 == 1 ? 0xEDB8_8320 ^ value >> 1 : value >> 1 }
    }

    static func of(_ rows: GeneratedRows) -> UInt32 {
        let table = self.table
        var checksum: UInt32 = 0xFFFF_FFFF
        var offset = 0
        while true {
            let block = rows.bytes(from: offset, atMost: 1 << 16)
            if block.isEmpty { return ~checksum }
            for byte in block { checksum = table[Int(UInt8(truncatingIfNeeded: checksum) ^ byte)] ^ checksum >> 8 }
            offset += block.count
        }
    }
}
