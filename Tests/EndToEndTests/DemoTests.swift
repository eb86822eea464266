import Foundation
import Support
import Testing

@Suite("The demo", .serialized)
struct DemoTests {
    @Test("Comes true, ends with 0 and leaves nothing behind", .timeLimit(.minutes(9)))
    func comesTrue() async throws {
        let demo = try DemoRun()
        #expect(try await demo.child.exit() == 0, "\(demo.child.text)")
        #expect(demo.child.text.contains("every attempt is on record"))
        #expect(demo.child.text.contains("3 mistakes found, and the vendor has got nothing"))
        #expect(demo.child.text.contains("the importer has got the same"))
        try demo.expectNothingLeft()
    }

    @Test("Interrupted in the middle it ends with 1, and all that it has started ends too", .timeLimit(.minutes(9)))
    func interrupted() async throws {
        let demo = try DemoRun()
        _ = try await demo.child.line("the wait for the export", within: patience * 3) {
            $0.contains("waiting for the export") ? true : nil
        }
        demo.child.signal(SIGINT)
        #expect(try await demo.child.exit() == 1)
        #expect(demo.child.text.contains("stopped before the end"))
        try demo.expectNothingLeft()
    }

    @Test("Kept up it shows what to try, and ends with 0 when it is told to", .timeLimit(.minutes(9)))
    func kept() async throws {
        let demo = try DemoRun(["--keep"])
        _ = try await demo.child.line("the lines to try", within: patience * 3) {
            $0.contains("What arrives at the subscribers") ? true : nil
        }
        demo.child.signal(SIGTERM)
        #expect(try await demo.child.exit() == 0, "\(demo.child.text)")
        try demo.expectNothingLeft()
    }

    @Test("A step that does not come true is named, and the end is 1", .timeLimit(.minutes(9)))
    func failing() async throws {
        let demo = try DemoRun(path: "/nowhere")
        #expect(try await demo.child.exit() == 1)
        #expect(demo.child.text.contains("this did not come true: A stand-in for the vendor"))
        #expect(demo.child.text.contains("curl is needed"))
    }
}

/// One run of `causeway demo` in a place of its own.
private struct DemoRun {
    let place: TemporaryDirectory
    let child: ChildProcess

    init(_ arguments: [String] = [], path: String = "/usr/bin:/bin") throws {
        place = try TemporaryDirectory()
        child = try ChildProcess(
            ["demo"] + arguments,
            environment: ["PATH": path, "TMPDIR": place.path, "CAUSEWAY_VENDOR_URL": "http://127.0.0.1:1"],
            in: place.path)
    }

    func expectNothingLeft() throws {
        #expect(try FileManager.default.contentsOfDirectory(atPath: place.path) == [])
        let identifiers = child.state.value.lines.compactMap { line in
            line.firstRange(of: ", process ").flatMap { Int32(line[$0.upperBound...]) }
        }
        #expect(identifiers.count == 2)
        for identifier in identifiers { #expect(kill(identifier, 0) == -1, "process \(identifier) is still there") }
    }
}
