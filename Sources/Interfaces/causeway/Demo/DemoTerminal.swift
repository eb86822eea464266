import CausewayCore
import Foundation
import Synchronization

/// Where the story is told. Colours, and a line that shows what is waited for, only where a person looks.
final class DemoTerminal: Sendable {
    private struct State {
        var chapters = 0
        var title = "the start"
        /// What is waited for, on the last line of a terminal.
        var waiting: String?
    }

    private let state = Mutex(State())
    private let isTerminal: Bool
    private let isColoured: Bool

    init() {
        let environment = ProcessInfo.processInfo.environment
        isTerminal = isatty(STDOUT_FILENO) == 1 && environment["TERM"] != "dumb"
        isColoured = isTerminal && environment["NO_COLOR"] == nil
    }

    /// The title of the chapter that is being told.
    var chapter: String { state.withLock(\.title) }

    func seconds(since start: ContinuousClock.Instant) -> String {
        let tenths = (ContinuousClock.now - start).wholeMilliseconds / 100
        return "\(tenths / 10).\(tenths % 10) s"
    }

    // MARK: Telling

    func open(_ title: String) {
        let number = state.withLock { state in
            state.chapters += 1
            state.title = title
            return state.chapters
        }
        line("\n\(painted("\(number)  \(title)", "1"))")
    }

    func line(_ text: String) {
        let indented = text.hasPrefix("\n") ? text : "   \(text)"
        write(indented + "\n")
    }

    func text(_ block: String) {
        for line in block.split(separator: "\n") { self.line("  \(line)") }
    }

    func command(_ text: String) { line("\(painted("$", "2")) \(painted(text, "36"))") }

    func faint(_ text: String) { line(painted(text, "2")) }

    func good(_ text: String) { line("\(painted("✓", "32")) \(text)") }

    func bad(_ text: String) { line("\n   \(painted("✗", "31")) \(text)") }

    /// The last lines of a log, for whoever has to find out what went wrong.
    func tail(of log: URL) {
        guard let text = try? String(contentsOf: log, encoding: .utf8), !text.isEmpty else { return }
        line("\n   \(log.lastPathComponent) ends so:")
        for line in text.split(separator: "\n").suffix(12) { faint("  \(line)") }
    }

    // MARK: Waiting

    /// Runs the body and meanwhile shows what it waits for.
    func waiting<Result>(for what: String, _ body: () async throws -> Result) async rethrows -> Result {
        let start = ContinuousClock.now
        let ticker = isTerminal ? Task { await tick(what, start) } : nil
        defer { ticker?.cancel() }
        if !isTerminal { line("… waiting for \(what)") }
        let result: Result
        do {
            result = try await body()
        } catch {
            await end(ticker)
            throw error
        }
        await end(ticker)
        return result
    }

    private func tick(_ what: String, _ start: ContinuousClock.Instant) async {
        let frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"]
        var frame = 0
        while !Task.isCancelled {
            let line = "   \(frames[frame % frames.count]) waiting for \(what), \(seconds(since: start))"
            state.withLock { state in
                state.waiting = line
                put("\r\u{1B}[K\(line)")
            }
            frame += 1
            try? await Task.sleep(for: .milliseconds(100))
        }
    }

    private func end(_ ticker: Task<Void, Never>?) async {
        ticker?.cancel()
        await ticker?.value
        state.withLock { state in
            if state.waiting != nil { put("\r\u{1B}[K") }
            state.waiting = nil
        }
    }

    // MARK: Writing

    private func write(_ text: String) {
        state.withLock { state in
            guard let waiting = state.waiting else { return put(text) }
            put("\r\u{1B}[K\(text)\(waiting)")
        }
    }

    /// A reader that has gone is no reason to stop: the story comes true or not without one.
    private func put(_ text: String) {
        try? FileHandle.standardOutput.write(contentsOf: Data(text.utf8))
    }

    private func painted(_ text: String, _ style: String) -> String {
        isColoured ? "\u{1B}[\(style)m\(text)\u{1B}[0m" : text
    }
}
