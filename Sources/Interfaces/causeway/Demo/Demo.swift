import ArgumentParser
import CausewayCore
import Foundation
import UnixSignals

/// `causeway demo`
struct Demo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Watch the product do its job, against a stand-in for the vendor.",
        discussion: """
            Starts `causeway simulate`, `causeway serve` on a directory of its own and two subscribers, all on free \
            ports of 127.0.0.1; then runs, with curl, what a team would: an export, its completion at both subscribers, \
            an upload with mistakes, the mended one. Ends with 0 if all of it came true, otherwise with 1, saying what \
            did not.
            """)

    @Flag(help: "Stay up afterwards, and print curl lines to try; Ctrl-C ends it.")
    var keep = false

    private enum Ending {
        case told
        case failed(any Error)
        case stopped
    }

    func run() async throws {
        let start = ContinuousClock.now
        // A reader that goes away (`causeway demo | head`) must not leave what was started behind.
        signal(SIGPIPE, SIG_IGN)
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm, .sighup)
        let terminal = DemoTerminal()
        let directory = try DemoDirectory()
        let processes = DemoProcesses()
        let ending = await withTaskGroup(of: Ending.self) { group in
            group.addTask { [keep] in
                do {
                    try await DemoStage.open(in: directory, processes, terminal) { stage in
                        try await DemoStory(stage: stage, terminal: terminal).tell()
                        guard keep else { return }
                        await DemoEpilogue(stage: stage, terminal: terminal).play()
                    }
                    return .told
                } catch {
                    return .failed(error)
                }
            }
            group.addTask {
                for await _ in signals { break }
                return .stopped
            }
            var ending = await group.next() ?? .stopped
            group.cancelAll()
            // Stopped after the story, by whoever had it kept: that is its end.
            if case .stopped = ending, case .told? = await group.next() { ending = .told }
            return ending
        }
        let unclean = await processes.stop()
        let isDone = if case .failed = ending { false } else { true }
        if isDone, unclean.isEmpty { directory.remove() }
        try report(ending, unclean, terminal, directory)
        terminal.good(keep ? "Everybody is stopped" : "Everything came true, in \(terminal.seconds(since: start))")
    }

    private func report(
        _ ending: Ending, _ unclean: [String], _ terminal: DemoTerminal, _ directory: DemoDirectory
    ) throws {
        switch ending {
        case .told: break
        case .stopped:
            terminal.bad("stopped before the end")
            throw ExitCode(1)
        case .failed(let error):
            for log in directory.logs { terminal.tail(of: log) }
            terminal.bad("this did not come true: \(terminal.chapter)\n     \(error)")
            terminal.line("  Everything that was written is in \(directory.path)")
            throw ExitCode(1)
        }
        guard unclean.isEmpty else {
            for log in directory.logs { terminal.tail(of: log) }
            terminal.bad("this did not come true: a clean stop\n     \(unclean.joined(separator: "\n     "))")
            terminal.line("  Everything that was written is in \(directory.path)")
            throw ExitCode(1)
        }
    }
}

/// What the demo expected and did not see, in words.
struct DemoFailure: Error, CustomStringConvertible {
    let description: String

    init(_ words: String) { description = words }
}

/// The body's result, or nil when `limit` is over first. The body must heed cancellation.
func within<Result: Sendable>(
    _ limit: Duration, _ body: @escaping @Sendable () async throws -> Result?
) async rethrows -> Result? {
    try await withThrowingTaskGroup(of: Result?.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try? await Task.sleep(for: limit)
            return nil
        }
        let first = try await group.next() ?? nil
        group.cancelAll()
        return first
    }
}
