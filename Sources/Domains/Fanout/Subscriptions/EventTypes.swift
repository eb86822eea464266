/// The events that can be subscribed to, and what each carries to be filtered by.
public enum EventTypes {
    /// Goes to the tested subscription alone.
    public static let test = "subscription.test"

    /// `subscription.test` is not among them.
    public static let all = [
        "export.completed", "export.failed", "export.expired", "export.mirrored", "schedule.missed",
        "import.completed", "import.failed", "import.needs_attention", "subscription.failing", "subscription.disabled",
        "subscription.recovered",
    ]

    /// The names of an event's attributes by the kind of its resource.
    static func filterDimensions(of type: String) -> Set<SubscriptionFilter.Dimension> {
        if type.hasPrefix("export.") { return [.report, .reportType, .source] }
        if type.hasPrefix("schedule.") { return [.report] }
        if type.hasPrefix("import.") { return [.object] }
        return []
    }
}
