public import Storage

/// How many imports there are in each state, each number up to 100,000.
public struct ImportStanding: Sendable {
    public let counts: [(state: ImportState, count: Int)]

    public init(in transaction: any Transaction) throws {
        counts = try ImportState.allCases.map { state in
            (state: state, count: try transaction.count("import WHERE state = \(state)"))
        }
    }
}
