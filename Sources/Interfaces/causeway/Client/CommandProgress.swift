import CausewayCore
import Foundation
import Glibc
import Synchronization

/// What goes on, in one line of a terminal's standard error that is written over; nothing anywhere else but what must
/// be told.
final class CommandProgress: Sendable {
    private enum Stage {
        case idle
        case waiting(words: String, since: ContinuousClock.Instant)
        case moving(Moving)
    }

    private struct Moving {
        var name: String
        var bytes: Int64
        var total: Int64?
        let begunAt: ContinuousClock.Instant
        let begunWith: Int64
        /// What else there is to say.
        var note = ""
    }

    let isShown: Bool
    private let state = Mutex(Stage.idle)
    private let begunAt = ContinuousClock.now

    init(isQuiet: Bool) { isShown = !isQuiet && isatty(STDERR_FILENO) == 1 }

    /// A line that stays, also where no progress is shown.
    func tell(_ line: String) { write((isShown ? "\r\u{1B}[K" : "") + line + "\n") }

    func waiting(_ words: @autoclosure () -> String) {
        guard isShown else { return }
        let words = words()
        state.withLock { $0 = .waiting(words: words, since: begunAt) }
        show()
    }

    /// - Parameter kept: bytes that were there already.
    func moving(_ name: String, kept: Int64, total: Int64?) {
        guard isShown else { return }
        state.withLock {
            $0 = .moving(Moving(name: name, bytes: kept, total: total, begunAt: .now, begunWith: kept))
        }
        show()
    }

    /// - Parameter note: what else there is to say of it.
    func moved(_ count: Int, note: @autoclosure () -> String = "") {
        guard isShown else { return }
        let note = note()
        state.withLock { stage in
            guard case .moving(var moving) = stage else { return }
            moving.bytes += Int64(count)
            moving.note = note
            stage = .moving(moving)
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
            case .moving(let moving): Self.line(moving)
            }
        }
        var size = winsize()
        let isKnown = unsafe ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 1
        let width = isKnown ? Int(size.ws_col) - 1 : 79
        // What others wrote moves no cursor here.
        let plain = line.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7F }.map(Character.init)
        write("\r\(String(plain.prefix(width)))\u{1B}[K")
    }

    private static func line(_ moving: Moving) -> String {
        var words = "\(moving.name) \(size(moving.bytes))"
        if let total = moving.total, total > 0 {
            let share = Int(min(100, moving.bytes * 100 / total))
            let bar = String(repeating: "#", count: share / 5) + String(repeating: "-", count: 20 - share / 5)
            words += " of \(size(total)) [\(bar)] \(share) %"
        }
        let seconds = (ContinuousClock.now - moving.begunAt).inSeconds
        if seconds >= 0.5 { words += ", \(size(Int64(Double(moving.bytes - moving.begunWith) / seconds)))/s" }
        if !moving.note.isEmpty { words += ", \(moving.note)" }
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
