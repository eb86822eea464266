import Synchronization

/// How long things took, one histogram for each set of labels, in this process since it started.
public final class HistogramTable: Sendable {
    private struct Series {
        var counts: [Int]
        var sum = 0.0
    }

    private let name: String
    private let help: String
    private let labels: [String]
    /// Upper ends in seconds, ascending.
    private let bounds: [Double]
    private let series = Mutex<[[String]: Series]>([:])

    /// - Parameter name: ends with `_seconds`.
    public init(
        _ name: String, _ help: String, labels: [String],
        bounds: [Double] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
    ) {
        self.name = name
        self.help = help
        self.labels = labels
        self.bounds = bounds
    }

    /// - Parameter labels: as many as there are names of them, each of few values.
    public func observe(_ labels: [String], _ duration: Duration) {
        precondition(labels.count == self.labels.count, "labels of \(name)")
        let (whole, rest) = duration.components
        let seconds = Double(whole) + Double(rest) / 1e18
        let index = bounds.firstIndex { seconds <= $0 } ?? bounds.count
        series.withLock { table in
            let isRoom = table.count < CounterTable.maximum || table[labels] != nil
            let key = isRoom ? labels : self.labels.map { _ in "other" }
            table[key, default: Series(counts: Array(repeating: 0, count: bounds.count + 1))].counts[index] += 1
            table[key]?.sum += seconds
        }
    }

    public func write(to metrics: inout MetricText) {
        metrics.family(name, .histogram, help)
        let sorted = series.withLock(\.self).sorted { $0.key.lexicographicallyPrecedes($1.key) }
        for (values, series) in sorted {
            let pairs = Array(zip(labels, values)).map { (name: $0, value: $1) }
            var total = 0
            for (index, bound) in bounds.enumerated() {
                total += series.counts[index]
                metrics.sample("\(name)_bucket", pairs + [(name: "le", value: "\(bound)")], total)
            }
            total += series.counts[bounds.count]
            metrics.sample("\(name)_bucket", pairs + [(name: "le", value: "+Inf")], total)
            metrics.sample("\(name)_sum", pairs, series.sum)
            metrics.sample("\(name)_count", pairs, total)
        }
    }
}
