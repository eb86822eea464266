import CausewayCore
import Foundation

/// Where the log goes: one human line for each happening.
public struct Story: Sendable {
    private let write: @Sendable (String) -> Void

    public init(_ write: @escaping @Sendable (String) -> Void) {
        self.write = write
    }

    /// `12:03:04.123  export vrex_… asked for by ops@example.com: queued, ready in 2s`
    public static let standardOutput = Story { line in
        // One write per line, unbuffered, so that a reader of a pipe sees it at once and whole.
        FileHandle.standardOutput.write(Data("\(line)\n".utf8))
    }

    public static let quiet = Story { _ in }

    func tell(_ line: String) { write(line) }
}

/// An address as it may stand in a log: what looks like a token in its path is left out.
func readable(_ address: String) -> String {
    guard let parts = URLComponents(string: address) else { return "an unreadable address" }
    let path = parts.path.split(separator: "/", omittingEmptySubsequences: false)
        .map { $0.count > 16 ? "…" : String($0) }.joined(separator: "/")
    return "\(parts.scheme ?? "?")://\(parts.host ?? "?")\(parts.port.map { ":\($0)" } ?? "")\(path)"
}
