/// Metrics in Prometheus' text format, version 0.0.4: families in the order in which they are written.
public struct MetricText: Sendable {
    public enum Kind: String, Sendable { case counter, gauge, histogram }

    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    public private(set) var text = ""

    public init() {}

    /// What follows belongs to it. Counters end with `_total`; units stand in the name (`_seconds`, `_bytes`).
    public mutating func family(_ name: String, _ kind: Kind, _ help: String) {
        let words = help.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
        text += "# HELP \(name) \(words)\n# TYPE \(name) \(kind.rawValue)\n"
    }

    public mutating func sample(
        _ name: String, _ labels: [(name: String, value: String)] = [], _ value: some BinaryInteger
    ) {
        line(name, labels, "\(value)")
    }

    public mutating func sample(_ name: String, _ labels: [(name: String, value: String)] = [], _ value: Double) {
        line(name, labels, value.isFinite ? "\(value)" : "NaN")
    }

    /// A family of one sample without labels.
    public mutating func single(_ name: String, _ kind: Kind, _ help: String, _ value: some BinaryInteger) {
        family(name, kind, help)
        sample(name, [], value)
    }

    /// As with whole numbers.
    public mutating func single(_ name: String, _ kind: Kind, _ help: String, _ value: Double) {
        family(name, kind, help)
        sample(name, [], value)
    }

    private mutating func line(_ name: String, _ labels: [(name: String, value: String)], _ value: String) {
        text += name
        if !labels.isEmpty {
            text += "{"
            for (index, label) in labels.enumerated() {
                if index > 0 { text += "," }
                text += "\(label.name)=\"\(Self.escaped(label.value))\""
            }
            text += "}"
        }
        text += " \(value)\n"
    }

    private static func escaped(_ value: String) -> String {
        value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }
}
