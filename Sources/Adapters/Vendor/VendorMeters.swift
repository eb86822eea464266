public import Telemetry

/// What this process has asked the vendor, for metrics.
public final class VendorMeters: Sendable {
    let calls = CounterTable(
        "causeway_vendor_calls_total", "Calls to the vendor's API by route and HTTP status; none: no answer came.",
        labels: ["route", "status"])
    let waits = CounterTable(
        "causeway_vendor_budget_waits_total", "Calls that had to wait for their share of the requests a minute.",
        labels: ["priority"])
    let waited = CounterTable(
        "causeway_vendor_budget_wait_seconds_total",
        "How long calls have waited for their share of the requests a minute.",
        labels: ["priority"])

    public init() {}

    public func write(to metrics: inout MetricText) {
        calls.write(to: &metrics)
        waits.write(to: &metrics)
        waited.write(to: &metrics)
    }

    /// A share was waited for this long.
    func noteWait(_ priority: RequestBudget.Priority, _ duration: Duration) {
        // Less is no waiting, but the way through the actor.
        guard duration >= .milliseconds(5) else { return }
        let label =
            switch priority {
            case .urgent: "urgent"
            case .routine: "routine"
            }
        let (whole, rest) = duration.components
        waits.add([label])
        waited.add([label], Double(whole) + Double(rest) / 1e18)
    }
}
