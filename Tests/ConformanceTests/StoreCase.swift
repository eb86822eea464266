import CausewayCore
import Storage
import Support
import Testing

/// One store, taken through all that it can say. Each file of `Sources` that speaks to the database is covered by one:
/// what has none is found by `ConformanceTests`.
struct StoreCase: Sendable, CustomTestStringConvertible {
    let name: String
    let run: @Sendable (any StorageEngine) async throws -> Void

    var testDescription: String { name }

    static let start = Timestamp(milliseconds: 1_700_000_000_000)

    static let all = [access, events, workQueue, exports, schedules, fanout, fanoutTrouble, imports, gateway]
}
