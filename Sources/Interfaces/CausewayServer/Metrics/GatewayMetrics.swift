import CausewayAPI
import CausewayCore
import Exports
import Fanout
import Storage
import Telemetry
import Vendor

/// The text of `/metrics`: counters are this process's since its start, the rest is how things stand.
struct GatewayMetrics: Sendable {
    let process: ProcessMetrics
    let store: StoreStanding
    let statistics: StorageStatistics
    let exports: ExportCounters
    let vendor: VendorMeters
    let deliveries: DeliveryEngine
    let requests: RequestMeters

    func text() async -> String {
        var metrics = MetricText()
        process.write(to: &metrics)
        requests.write(to: &metrics)
        writeExports(to: &metrics)
        vendor.write(to: &metrics)
        deliveries.write(to: &metrics)
        writeStorage(to: &metrics)
        let standing = await store.text()
        metrics.single(
            "causeway_storage_up", .gauge, "1 where the database has answered for this page.", standing == nil ? 0 : 1)
        return metrics.text + (standing ?? "")
    }

    private func writeExports(to metrics: inout MetricText) {
        func counter(_ name: String, _ help: String, _ counted: ExportCounters.Name) {
            metrics.single("causeway_exports_\(name)_total", .counter, help, exports[counted])
        }
        metrics.family("causeway_exports_ended_total", .counter, "Exports brought to an end, by status.")
        for status in ExportStatus.allCases where status.isEnd && status != .cancelled {
            metrics.sample(
                "causeway_exports_ended_total", [(name: "status", value: status.rawValue)], exports.ended(status))
        }
        counter("triggers", "Triggers that went out to the vendor.", .trigger)
        counter("checks", "Questions to the vendor how an export stands.", .check)
        counter("coalesced", "Requests that joined an export on its way.", .coalesced)
        counter("answered_from_store", "Requests answered by an export that had ended.", .answeredFromStore)
        counter("unknown_outcomes", "Triggers of which nobody knew whether the vendor took them.", .unknownOutcome)
        counter("contradictions", "What was told of an export and does not fit what is known.", .contradiction)
        counter("ended_after_all", "Exports that ended at the vendor after they were given up here.", .endedAfterAll)
        channels(
            "causeway_exports_completions_seen_total",
            "Completions that a channel had told of ten minutes later.", \.seen, to: &metrics)
        channels(
            "causeway_exports_completions_missed_total",
            "Completions that a channel had not told of ten minutes later; poll: a webhook was there first.", \.missed,
            to: &metrics)
        metrics.family("causeway_exports_hints_total", .counter, "Webhooks of the vendor's that came in, by channel.")
        for (channel, name) in [(ExportChannel.webhook, ExportCounters.Name.hintWebhook), (.event, .hintEvent)] {
            metrics.sample(
                "causeway_exports_hints_total", [(name: "channel", value: channel.rawValue)], exports[name])
        }
    }

    private func channels(
        _ name: String, _ help: String, _ counter: KeyPath<ExportChannel, ExportCounters.Name>,
        to metrics: inout MetricText
    ) {
        metrics.family(name, .counter, help)
        for channel in ExportChannel.allCases {
            metrics.sample(name, [(name: "channel", value: channel.rawValue)], exports[channel[keyPath: counter]])
        }
    }

    private func writeStorage(to metrics: inout MetricText) {
        for name in StorageStatistics.Name.allCases {
            metrics.single(
                "causeway_storage_\(name)_total", .counter, "The database's \(name) since the start.", statistics[name])
        }
    }
}
