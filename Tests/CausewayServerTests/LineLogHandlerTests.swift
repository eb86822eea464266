import CausewayCore
@testable import CausewayServer
import Foundation
import Logging
import Support
import Testing

@Suite("The log")
struct LineLogHandlerTests {
    private let time = ManualTimeSource(Timestamp(milliseconds: 1_763_693_000_042))

    /// What a logger writes, line by line.
    private func lines(
        _ format: LogFormat, level: Logger.Level = .info, _ work: (Logger) throws -> Void
    ) throws -> [String] {
        let pipe = Pipe()
        let handler = LineLogHandler(
            level: level, format: format, output: LogOutput(descriptor: pipe.fileHandleForWriting.fileDescriptor),
            time: time)
        try work(Logger(label: "test") { _ in handler })
        try pipe.fileHandleForWriting.close()
        let text = String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        return text.split(separator: "\n").map(String.init)
    }

    @Test("A JSON line holds time, level, message and flat metadata in a fixed order")
    func json() throws {
        let written = try lines(.json) { logger in
            var logger = logger
            logger[metadataKey: "export"] = "exp_1"
            logger.notice("queued", metadata: ["vendor": ["key": "vrex_1", "tries": ["1", "2"]], "time": "own"])
        }
        #expect(
            written == [
                #"{"time":"2025-11-21T02:43:20.042Z","level":"notice","message":"queued","export":"exp_1","#
                    + #""metadata.time":"own","vendor.key":"vrex_1","vendor.tries.0":"1","vendor.tries.1":"2"}"#
            ])
    }

    @Test("Whatever stands in a message, a JSON line stays one line of JSON that says the same")
    func escaping() throws {
        let message = "a \"quote\" \\ and\nnew\r\tline \u{0}\u{1F} \u{7F} é 日本 🚀"
        let written = try lines(.json) { $0.info("\(message)", metadata: ["k\"ey": "\(message)"]) }
        #expect(written.count == 1)
        let value = try JSONValue(parsing: written[0])
        #expect(value["message"]?.string == message)
        #expect(value["k\"ey"]?.string == message)
    }

    @Test("A text line is for people, and nothing that somebody sends can break it")
    func text() throws {
        let written = try lines(.text) {
            $0.error("it\nbroke\u{1B}[2J", metadata: ["why": "no \"room\"", "id": "exp_1", "none": ""])
        }
        #expect(
            written == [
                #"02:43:20.042 error    it\nbroke\u{1B}[2J  id=exp_1 none="" why="no \"room\"""#
            ])
    }

    @Test("What is below the level is not written")
    func level() throws {
        #expect(try lines(.json, level: .warning) { $0.info("quiet") } == [])
    }

    @Test("A secret in metadata is redacted")
    func secrets() throws {
        let written = try lines(.json) {
            $0.info("key", metadata: ["key": "\(Secret("hush"))", "other": .stringConvertible(Secret("hush"))])
        }
        #expect(written.first?.contains("hush") == false)
        #expect(written.first?.contains("[redacted]") == true)
    }

    @Test("Lines of many threads do not mix")
    func threads() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("log")
        #expect(FileManager.default.createFile(atPath: path, contents: nil))
        let file = try #require(FileHandle(forWritingAtPath: path))
        let handler = LineLogHandler(
            level: .info, format: .json, output: LogOutput(descriptor: file.fileDescriptor), time: time)
        let logger = Logger(label: "test") { _ in handler }
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<8 {
                group.addTask {
                    for _ in 0..<200 {
                        logger.info("line", metadata: ["text": "\(String(repeating: "\(number)", count: 5000))"])
                    }
                }
            }
        }
        try file.close()
        let written = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        #expect(written.count == 1600)
        #expect(written.allSatisfy { line in (try? JSONValue(parsing: String(line))) != nil })
    }
}
