import Compression
import Foundation
import Testing

@Suite("gzip")
struct GzipEncoderTests {
    @Test("What was compressed piece by piece, gzip gives back as it was", arguments: [0, 1, 5_000_000])
    func roundTrip(_ count: Int) throws {
        let text = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 &>> 13) }
        var encoder = GzipEncoder()
        var packed: [UInt8] = []
        for start in stride(from: 0, to: count, by: 300_007) {
            encoder.append(Array(text[start..<min(count, start + 300_007)]), to: &packed)
        }
        encoder.finish(to: &packed)
        #expect(try gunzip(packed) == text)
    }

    @Test("After a flush all that was taken can be read")
    func flush() throws {
        var encoder = GzipEncoder()
        var packed: [UInt8] = []
        encoder.append(Array("a,b\n1,2\n".utf8), to: &packed)
        encoder.flush(to: &packed)
        // Cut off as it is, gzip ends with a complaint and gives what it has.
        #expect(try gunzip(packed, isWhole: false) == Array("a,b\n1,2\n".utf8))
    }

    private func gunzip(_ bytes: [UInt8], isWhole: Bool = true) throws -> [UInt8] {
        let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).gz")
        try Data(bytes).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["gzip", "-dc", file.path]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = isWhole ? FileHandle.standardError : FileHandle.nullDevice
        try process.run()
        let text = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        #expect((process.terminationStatus == 0) == isWhole)
        return Array(text)
    }
}
