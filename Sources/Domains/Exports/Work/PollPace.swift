import CausewayCore
import Storage
import Synchronization

/// How often one export is asked for where many are under way: all of them together take half of the vendor's requests a
/// minute at most. So no check is ever overdue, and what a webhook tells is looked at at once, whatever is polled.
final class PollPace: Sendable {
    /// How old the count may be.
    private static let lifetime = Duration.seconds(10)

    private let pollsPerMinute: Int
    private let counted = Mutex<(count: Int, at: Timestamp)?>(nil)

    /// - Parameter requestsPerMinute: all that may be sent to the vendor.
    init(requestsPerMinute: Int) { pollsPerMinute = max(1, requestsPerMinute / 2) }

    /// `wanted`, or longer where that many would be too much.
    func interval(_ wanted: Duration, at now: Timestamp, in transaction: any Transaction) throws -> Duration {
        max(wanted, .seconds(60) * (try count(at: now, in: transaction)) / pollsPerMinute)
    }

    private func count(at now: Timestamp, in transaction: any Transaction) throws -> Int {
        if let counted = counted.withLock(\.self), counted.at <= now, now < counted.at + Self.lifetime {
            return counted.count
        }
        let count = try transaction.count("export WHERE status = \(ExportStatus.queued)")
        counted.withLock { $0 = (count, now) }
        return count
    }
}
