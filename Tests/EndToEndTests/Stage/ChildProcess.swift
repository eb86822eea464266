import Foundation
import Glibc
import Support

/// A program that a test has started, with what it says line by line.
final class ChildProcess: Sendable {
    struct State: Sendable {
        var lines: [String] = []
        /// The status, or the signal's number negated.
        var exit: Int32?
        fileprivate var rest: [UInt8] = []
        fileprivate var isClosed = false
    }

    let state = Watched(State())
    private let process = Process()

    /// - Parameter wrapper: a command that becomes `causeway` with these arguments; none starts it itself.
    init(
        _ arguments: [String], under wrapper: [String] = [], environment: [String: String], in directory: String
    ) throws {
        let output = Pipe()
        let command = wrapper + [try Executable.url().path()] + arguments
        process.executableURL = URL(filePath: command[0])
        process.arguments = Array(command.dropFirst())
        process.environment = environment
        process.currentDirectoryURL = URL(filePath: directory)
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = output
        process.terminationHandler = { [state] process in
            let status = process.terminationStatus
            let exit = process.terminationReason == .uncaughtSignal ? -status : status
            state.change { $0.exit = exit }
        }
        try process.start()
        let thread = Thread { [state] in Self.listen(to: output.fileHandleForReading, state) }
        thread.start()
    }

    /// Until the pipe's end, or until the program has ended and nothing is left in it: another child may hold it open.
    private static func listen(to handle: FileHandle, _ state: Watched<State>) {
        while true {
            let hasEnded = state.value.exit != nil
            var entry = pollfd(fd: handle.fileDescriptor, events: Int16(POLLIN), revents: 0)
            if unsafe poll(&entry, 1, hasEnded ? 0 : 100) > 0 {
                let bytes = [UInt8](handle.availableData)
                guard !bytes.isEmpty else { break }
                state.change { $0.take(bytes) }
            } else if hasEnded {
                break
            }
        }
        state.change { $0.take([]) }
    }

    /// The first line that `find` finds something in. Throws where the program ends without one.
    func line<Found: Sendable>(
        _ what: String, within limit: Duration = patience, _ find: @escaping @Sendable (String) -> Found?
    ) async throws -> Found {
        let found = try await state.first(what, within: limit) { state -> Found?? in
            for line in state.lines {
                if let found = find(line) { return .some(found) }
            }
            return state.isClosed ? .some(nil) : nil
        }
        guard let found else { throw NeverHappened(what: "\(what): it ended, saying\n\(text)") }
        return found
    }

    var text: String { state.value.lines.joined(separator: "\n") }

    /// The most memory it has had, in bytes.
    var peakMemory: Int {
        let status = try? String(contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)
        let line = status?.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return (line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) << 10
    }

    func signal(_ number: Int32) {
        if state.value.exit == nil { kill(process.processIdentifier, number) }
    }

    /// Waits for its end, and for all that it has said.
    func exit() async throws -> Int32 {
        let status = try await state.first("the program's end", within: patience * 3, \.exit)
        try await state.first("its last word") { $0.isClosed ? () : nil }
        return status
    }
}

extension ChildProcess.State {
    fileprivate mutating func take(_ bytes: [UInt8]) {
        if bytes.isEmpty { isClosed = true }
        rest += bytes
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            lines.append(String(decoding: rest[..<end], as: UTF8.self))
            rest.removeSubrange(...end)
        }
        if isClosed, !rest.isEmpty {
            lines.append(String(decoding: rest, as: UTF8.self))
            rest = []
        }
    }
}

/// `causeway` as it was built together with the tests.
enum Executable {
    /// Beside the test bundle, wherever that was built.
    static func url() throws -> URL {
        var directory = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        for start in [Bundle.main.bundleURL, URL(filePath: CommandLine.arguments[0]), directory] {
            directory = start.absoluteURL
            for _ in 0..<4 {
                directory.deleteLastPathComponent()
                let file = directory.appending(path: "causeway", directoryHint: .notDirectory)
                var isDirectory: ObjCBool = false
                if unsafe FileManager.default.fileExists(atPath: file.path(), isDirectory: &isDirectory),
                    !isDirectory.boolValue, FileManager.default.isExecutableFile(atPath: file.path())
                {
                    return file
                }
            }
        }
        throw NeverHappened(what: "causeway beside the test bundle")
    }
}
