import CausewayCore
import HTTPTypes

extension VendorClient {
    /// Starts an export. Once only: any error whose action is `unknownOutcome` may have started it.
    /// - Parameter hasTurn: `waitForTurn` has been waited for already.
    public func triggerExport(_ trigger: ExportTrigger, hasTurn: Bool = false) async throws -> VendorExport {
        let call = VendorCall(
            route: "trigger", method: .post, path: VendorCall.path(settings.paths.triggerExport, trigger.report),
            body: .json(trigger.body), effect: .once, priority: .urgent)
        return try export(in: await perform(call, hasTurn: hasTurn), effect: .once)
    }

    /// How an export stands.
    /// - Parameter key: `vrex_…`
    public func export(_ key: String, priority: RequestBudget.Priority = .routine) async throws -> VendorExport {
        var call = VendorCall.get("export", VendorCall.path(settings.paths.exportStatus, key))
        call.priority = priority
        return try export(in: await perform(call), effect: .repeatable)
    }

    private func export(in envelope: VendorEnvelope, effect: VendorCall.Effect) throws -> VendorExport {
        guard let export = envelope.entity.flatMap(VendorExport.init) else {
            throw VendorError.unusable("the answer holds no export", effect: effect, answer: envelope.whole)
        }
        return export
    }

    /// A part of the saved reports.
    /// - Parameters:
    ///   - limit: 1–250.
    ///   - after: the last key already seen.
    public func reports(limit: Int = 250, after: String? = nil) async throws -> VendorPage<VendorReport> {
        VendorPage(
            try await perform(.get("reports", settings.paths.reports, query: page(limit, after))), key: \.key,
            item: VendorReport.init)
    }

    public func report(_ key: String) async throws -> VendorReport {
        let envelope = try await perform(.get("report", VendorCall.path(settings.paths.report, key)))
        guard let report = envelope.entity.flatMap(VendorReport.init) else {
            throw VendorError.unusable("the answer holds no report", effect: .repeatable, answer: envelope.whole)
        }
        return report
    }

    /// Asks for the mail with record files. Once only, like a trigger.
    public func exportRecords(_ request: RecordExportRequest) async throws -> VendorAnswer {
        let envelope = try await perform(
            VendorCall(
                route: "base_records", method: .post, path: settings.paths.recordExports, body: .json(request.body),
                effect: .once,
                priority: .urgent))
        return VendorAnswer(message: envelope.message, whole: envelope.whole)
    }

    func page(_ limit: Int, _ after: String?) -> [(String, String)] {
        [("limit", String(limit))] + (after.map { [("starting_after", $0)] } ?? [])
    }
}
