import CausewayCore
import Events
import Storage

@testable import Fanout

extension EventMatching {
    /// Every part of every event in one transaction; returns how many deliveries are new.
    func consumeAll(_ events: [Event], at now: Timestamp, in transaction: any Transaction) throws -> Int {
        func written() throws -> Int { try transaction.row("SELECT COUNT(*) AS n FROM delivery")?["n"] ?? 0 }
        let before = try written()
        var rest = events[...]
        while !rest.isEmpty {
            let consumed = try consume(Array(rest), at: now, in: transaction)
            for part in consumed.rest { try part(transaction) }
            rest = rest.dropFirst(consumed.count)
        }
        return try written() - before
    }
}
