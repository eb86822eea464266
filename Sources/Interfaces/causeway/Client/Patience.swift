import CausewayCore
import OutboundHTTP

/// Tries again what a gateway's restart, or a cut on the way, has broken.
struct Patience: Sendable {
    private let address: String
    private let limit: Duration
    private let tell: @Sendable (String) -> Void
    /// In a row.
    private var failures = 0
    private var since: ContinuousClock.Instant?

    /// - Parameters:
    ///   - limit: from the first failure in a row to the last try.
    ///   - tell: is given a line for people at that first failure.
    init(_ address: String, limit: Duration, tell: @escaping @Sendable (String) -> Void) {
        self.address = address
        self.limit = limit
        self.tell = tell
    }

    /// Something has moved.
    mutating func renew() {
        failures = 0
        since = nil
    }

    /// Waits a little. Rethrows `error` where trying again is of no use, and throws `CommandFailure` after too much of it
    /// in vain.
    mutating func wait(after error: any Error) async throws {
        let words: String
        switch error {
        case let refusal as GatewayRefusal where refusal.mayPass: words = "The gateway at \(address): \(refusal)"
        case let outbound as OutboundError where outbound.kind.isAboutPeer && !Self.isHopeless(outbound.kind):
            let what = outbound.head == nil ? "The gateway at \(address) cannot be reached" : "\(address) broke off"
            words = "\(what): \(outbound.words)."
        default: throw error
        }
        let now = ContinuousClock.now
        let begun = since ?? now
        let left = limit - begun.duration(to: now)
        guard left > .zero else {
            throw CommandFailure("\(words) It was tried for \(DurationText.format(limit)).")
        }
        if since == nil { tell("\(words) It is tried again for up to \(DurationText.format(limit)).") }
        since = begun
        failures += 1
        try await Task.sleep(for: min(left, .seconds(15), .milliseconds(250) * (1 << min(failures, 6))))
    }

    private static func isHopeless(_ kind: OutboundError.Kind) -> Bool {
        switch kind {
        case .tls, .egressDenied, .tooLarge, .protocolViolation: true
        default: false
        }
    }
}
