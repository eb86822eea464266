import CausewayCore
import Foundation
import Glibc
import Synchronization

/// What goes on, in one line of a terminal's standard error that is written over; nothing anywhere else but what must
/// be told.
final class ExportProgress: Sendable {
    private enum Stage {
        case idle
        case waiting(words: String, since: ContinuousClock.Instant)
        case fetching(Fetching)
    }

    private struct Fetching {
        var name: String
        var bytes: Int64
        var total: Int64?
        let begunAt: ContinuousClock.Instant
        let begunWith: Int64
    }

    let isShown: Bool
    private let state = Mutex(Stage.idle)
    private let begunAt = ContinuousClock.now

    init(isQuiet: Bool) { isShown = !isQuiet && isatty(STDERR_FILENO) == 1 }

    /// A line that stays, also where no progress is shown.
    func tell(_ line: String) { write((isShown ? "\r\u{1B}[K" : "") + line + "\n") }

    func waiting(_ export: JSONValue) {
        guard isShown else { return }
        let status = export["status"]?.string ?? ""
        let opening = status == "deferred" ? export["not_before"]?.string.map { " until \($0)" } : nil
        let error = status == "success" ? nil : export["error"]?["message"]?.string.map { ": \($0)" }
        let words = "\(export["id"]?.string ?? "") \(status)\(opening ?? "")\(error ?? "")"
        state.withLock { $0 = .waiting(words: words, since: begunAt) }
        show()
    }

    /// - Parameter kept: bytes that were there already.
    func fetching(_ name: String, kept: Int64, total: Int64?) {
        guard isShown else { return }
        state.withLock {
            $0 = .fetching(Fetching(name: name, bytes: kept, total: total, begunAt: .now, begunWith: kept))
        }
        show()
    }

    func fetched(_ count: Int) {
        guard isShown else { return }
        state.withLock { stage in
            guard case .fetching(var fetching) = stage else { return }
            fetching.bytes += Int64(count)
            stage = .fetching(fetching)
        }
    }

    /// Writes the line anew each half second while `body` runs, and takes it away at its end.
    func during<Result: Sendable>(_ body: @escaping @Sendable () async throws -> Result) async throws -> Result {
        guard isShown else { return try await body() }
        return try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                while true {
                    try await Task.sleep(for: .milliseconds(500))
                    self.show()
                }
            }
            defer {
                group.cancelAll()
                write("\r\u{1B}[K")
            }
            while let next = try await group.next() {
                if let result = next { return result }
            }
            throw CancellationError()
        }
    }

    private func show() {
        guard isShown else { return }
        let line = state.withLock { stage in
            switch stage {
            case .idle: ""
            case .waiting(let words, let since): "\(words), \(Self.clock(.now - since))"
            case .fetching(let fetching): Self.line(fetching)
            }
        }
        var size = winsize()
        let isKnown = unsafe ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 1
        let width = isKnown ? Int(size.ws_col) - 1 : 79
        // What others wrote moves no cursor here.
        let plain = line.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7F }.map(Character.init)
        write("\r\(String(plain.prefix(width)))\u{1B}[K")
    }

    private static func line(_ fetching: Fetching) -> String {
        var words = "\(fetching.name) \(size(fetching.bytes))"
        if let total = fetching.total, total > 0 {
            words += " of \(size(total)) (\(min(100, fetching.bytes * 100 / total)) %)"
        }
        let seconds = (ContinuousClock.now - fetching.begunAt).inSeconds
        if seconds >= 0.5 { words += ", \(size(Int64(Double(fetching.bytes - fetching.begunWith) / seconds)))/s" }
        return words
    }

    private static func size(_ bytes: Int64) -> String {
        for (unit, size) in [("GB", 1e9), ("MB", 1e6), ("kB", 1e3)] where Double(bytes) >= size {
            let tenths = Int64((Double(bytes) / size * 10).rounded())
            return "\(tenths / 10).\(tenths % 10) \(unit)"
        }
        return "\(bytes) B"
    }

    private static func clock(_ duration: Duration) -> String {
        let seconds = duration.wholeMilliseconds / 1000
        return seconds < 60 ? "\(seconds) s" : "\(seconds / 60) min \(seconds % 60) s"
    }

    private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
