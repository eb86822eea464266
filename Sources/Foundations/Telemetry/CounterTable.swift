import Synchronization

/// Numbers that only grow, one for each set of labels, in this process since it started.
public final class CounterTable: Sendable {
    /// Sets of labels that are kept; what comes beyond them goes to one of `other`.
    public static let maximum = 1000

    private let name: String
    private let help: String
    private let labels: [String]
    private let values = Mutex<[[String]: Double]>([:])

    /// - Parameter name: ends with `_total`.
    public init(_ name: String, _ help: String, labels: [String]) {
        self.name = name
        self.help = help
        self.labels = labels
    }

    /// - Parameter labels: as many as there are names of them, each of few values.
    public func add(_ labels: [String], _ amount: Double = 1) {
        precondition(labels.count == self.labels.count, "labels of \(name)")
        values.withLock { values in
            let isRoom = values.count < Self.maximum || values[labels] != nil
            values[isRoom ? labels : self.labels.map { _ in "other" }, default: 0] += amount
        }
    }

    public func write(to metrics: inout MetricText) {
        metrics.family(name, .counter, help)
        let sorted = values.withLock(\.self).sorted { $0.key.lexicographicallyPrecedes($1.key) }
        for (values, amount) in sorted {
            let pairs = Array(zip(labels, values)).map { (name: $0, value: $1) }
            if let whole = Int64(exactly: amount) {
                metrics.sample(name, pairs, whole)
            } else {
                metrics.sample(name, pairs, amount)
            }
        }
    }
}
