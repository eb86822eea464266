public import Storage

/// Which events of the chosen types a subscription gets: for each dimension that lists values, the event must carry
/// one of them.
public struct SubscriptionFilter: Hashable, Sendable {
    /// The name is the member of `filter` and the attribute of the event.
    public enum Dimension: String, CaseIterable, Sendable, SQLConvertible {
        case report
        case reportType = "report_type"
        case source
        case object
    }

    /// Dimensions without values are left out.
    public private(set) var values: [Dimension: [String]]

    public static let everything = SubscriptionFilter([:])

    public init(_ values: [Dimension: [String]]) {
        self.values = values.filter { !$0.value.isEmpty }
    }

    public subscript(dimension: Dimension) -> [String] { values[dimension] ?? [] }

    /// How many dimensions an event must meet.
    var dimensionCount: Int { values.count }

    /// Whether an event of this type can ever meet it.
    func canMatch(type: String) -> Bool {
        EventTypes.filterDimensions(of: type).isSuperset(of: values.keys)
    }
}
