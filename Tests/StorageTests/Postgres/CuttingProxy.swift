import Support
import Synchronization

/// Stands between an engine and PostgreSQL and cuts a connection in two at a chosen moment.
final class CuttingProxy: Sendable {
    enum Moment: CaseIterable, Sendable {
        /// The server gets the COMMIT, its answer is thrown away.
        case commitAnswered
        /// The COMMIT does not get there.
        case commitSent
    }

    private let proxy: LoopbackProxy
    private let armed: Armed

    private final class Armed: Sendable {
        let moment = Mutex<Moment?>(nil)
    }

    var port: UInt16 { proxy.port }

    /// - Parameter target: the server's port on the loopback.
    init(to target: Int) throws {
        let armed = Armed()
        self.armed = armed
        proxy = try LoopbackProxy(to: target) {
            var throwsAnswerAway = false
            return { side, bytes in
                guard side == .client else { return throwsAnswerAway ? .cut : .pass }
                if Self.holdsCommit(bytes), let moment = armed.moment.withLock({ $0.take() }) {
                    if moment == .commitSent { return .cut }
                    throwsAnswerAway = true
                }
                return .pass
            }
        }
    }

    /// The next COMMIT that is prepared meets it.
    func cut(at moment: Moment) { armed.moment.withLock { $0 = moment } }

    func end() { proxy.end() }

    private static func holdsCommit(_ bytes: [UInt8]) -> Bool {
        String(decoding: bytes, as: UTF8.self).contains("\0COMMIT\0")
    }
}
