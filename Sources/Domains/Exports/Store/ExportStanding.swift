public import Storage

/// How many exports are on their way, each number up to 100,000.
public struct ExportStanding: Sendable {
    public let counts: [(status: ExportStatus, count: Int)]

    public init(in transaction: any Transaction) throws {
        counts = try ExportStatus.allCases.filter { !$0.isEnd }.map { status in
            (status: status, count: try transaction.count("export WHERE status = \(status)"))
        }
    }
}
