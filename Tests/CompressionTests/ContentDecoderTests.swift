import Foundation
import Support
import Testing

@testable import Compression

@Suite("Unpacking")
struct ContentDecoderTests {
    /// Rows that all differ.
    static let rows = Array(
        (0..<40_000).map { "customer-\($0)@example.com,Name \($0 &* 2_654_435_761 % 1_000_003),2026-01-01\n" }.joined()
            .utf8)

    private func unpack(_ packed: [UInt8], _ coding: ContentCoding, by size: Int = 64 << 10) throws -> [UInt8] {
        let decoder = ContentDecoder(coding)
        var plain: [UInt8] = []
        for start in stride(from: 0, to: packed.count, by: size) {
            decoder.feed(Array(packed[start..<min(packed.count, start + size)]))
            while let piece = try decoder.next() {
                #expect(piece.count <= ContentDecoder.pieceSize)
                plain += piece
            }
        }
        try decoder.finish()
        return plain
    }

    private func pack(_ bytes: [UInt8], _ coding: ContentCoding, _ options: [String] = []) throws -> [UInt8] {
        let folder = try TemporaryDirectory()
        let (plain, packed) = (folder.file("plain"), folder.file("packed"))
        try Data(bytes).write(to: URL(filePath: plain))
        try Data().write(to: URL(filePath: packed))
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [coding.rawValue, "-c"] + options + [plain]
        let output = try #require(FileHandle(forWritingAtPath: packed))
        process.standardOutput = output
        try process.start()
        process.waitUntilExit()
        try output.close()
        #expect(process.terminationStatus == 0)
        return Array(try Data(contentsOf: URL(filePath: packed)))
    }

    @Test("What gzip and zstd pack comes out as it was, at any borders", arguments: ContentCoding.allCases)
    func roundTrip(_ coding: ContentCoding) throws {
        let packed = try pack(Self.rows, coding)
        #expect(packed.count < Self.rows.count / 2)
        for size in [packed.count, 64 << 10, 1009] { #expect(try unpack(packed, coding, by: size) == Self.rows) }
        let small = try pack(Array("email\na@example.com\n".utf8), coding)
        #expect(try unpack(small, coding, by: 1) == Array("email\na@example.com\n".utf8))
        #expect(try unpack(try pack([], coding), coding) == [])
    }

    @Test("Several members or frames behind one another are one file", arguments: ContentCoding.allCases)
    func concatenated(_ coding: ContentCoding) throws {
        let parts = ["email\n", "", "a@example.com\n"].map { Array($0.utf8) }
        let packed = try parts.flatMap { try pack($0, coding) }
        for size in [1, 7, packed.count] { #expect(try unpack(packed, coding, by: size) == parts.flatMap { $0 }) }
    }

    @Test("Cut off anywhere it is told from whole", arguments: ContentCoding.allCases)
    func truncated(_ coding: ContentCoding) throws {
        let packed = try pack(Array("email\na@example.com\nb@example.com\n".utf8), coding)
        for count in 0..<packed.count {
            #expect(throws: ContentDecodingError.truncated) { try unpack(Array(packed.prefix(count)), coding) }
        }
    }

    @Test("Other bytes, alone or behind, and a flipped bit are refused", arguments: ContentCoding.allCases)
    func damaged(_ coding: ContentCoding) throws {
        func isDamaged(_ bytes: [UInt8]) -> Bool {
            do {
                _ = try unpack(bytes, coding)
                return false
            } catch ContentDecodingError.damaged(let words) {
                return !words.isEmpty
            } catch { return false }
        }
        let packed = try pack(Self.rows, coding)
        #expect(isDamaged(Array("email\na@example.com\n".utf8)))
        #expect(isDamaged(packed + Array("and more\n".utf8)))
        #expect(isDamaged(packed + [0, 0, 0, 0]))
        var flipped = packed
        flipped[packed.count / 2] ^= 1
        #expect(isDamaged(flipped))
        flipped = packed
        flipped[packed.count - 3] ^= 1
        #expect(isDamaged(flipped))
    }

    @Test("A bomb is refused before it has gone off", arguments: ContentCoding.allCases)
    func bomb(_ coding: ContentCoding) throws {
        let packed = try pack([UInt8](repeating: 0x61, count: 64 << 20), coding)
        let decoder = ContentDecoder(coding)
        decoder.feed(packed)
        var count = 0
        #expect(throws: ContentDecodingError.ratio) { while let piece = try decoder.next() { count += piece.count } }
        #expect(count < 8 << 20)
    }

    @Test("zstd's ordinary levels are taken; a window of more than 8 MiB is not")
    func window() throws {
        var state: UInt64 = 1
        let bytes = (0..<20 << 17).flatMap { _ -> [UInt8] in
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return (0..<8).map { UInt8(truncatingIfNeeded: state >> (8 * $0)) }
        }
        #expect(try unpack(try pack(bytes, .zstd, ["-3"]), .zstd) == bytes)
        let large = try pack(bytes, .zstd, ["-3", "--long=27"])
        #expect(throws: ContentDecodingError.window) { try unpack(large, .zstd) }
    }
}
