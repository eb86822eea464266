import CausewayCore
import Foundation
import Hummingbird

/// Report exports, saved reports and base records.
struct ExportRoutes {
    let account: Account
    let gate: VendorGate

    func add(to router: Router<SimulatorContext>) {
        router.post("/api/v2/vendor_report_export/{report}") { request, context in
            try await gate.serve("trigger", request, context) { try await trigger(request, context) }
        }
        router.get("/api/v2/vendor_report_export/export/{export}") { request, context in
            try await gate.serve("export", request, context) { try status(context.parameters.get("export") ?? "") }
        }
        router.get("/api/v2/vendor_report_configuration/list") { request, context in
            try await gate.serve("reports", request, context) { try reports(request) }
        }
        router.get("/api/v2/vendor_report_configuration/{report}") { request, context in
            try await gate.serve("report", request, context) { try report(context.parameters.get("report") ?? "") }
        }
        router.post("/api/v2/exports/base_records") { request, context in
            try await gate.serve("base_records", request, context) { try await exportRecords(request) }
        }
    }

    private func trigger(_ request: Request, _ context: SimulatorContext) async throws -> VendorAnswer {
        let members = try await gate.members(of: request)
        guard let email = members["member_email"]?.string, !email.isEmpty else {
            throw VendorRefusal(400, "Missing required field: member_email")
        }
        var trigger = TriggerRequest(report: context.parameters.get("report") ?? "", memberEmail: email)
        if let target = members["webhook_target_url"], !target.isNull {
            trigger.webhookTargetURL = try webAddress(target, "webhook_target_url")
        }
        if let flag = members["show_unexpanded"], !flag.isNull {
            guard let flag = flag.bool else { throw VendorRefusal(400, "show_unexpanded must be a boolean") }
            trigger.showUnexpanded = flag
        }
        let asked = trigger
        let export = try account.change { state, now throws(VendorRefusal) in try state.trigger(asked, at: now) }
        return VendorAnswer(
            export.triggerAnswer(), message: "Vendor report export queued and can take up to 30 minutes")
    }

    private func status(_ key: String) throws -> VendorAnswer {
        let entity = account.change { state, now in state.export(key, at: now).map { state.entity($0, at: now) } }
        guard let entity else { throw VendorRefusal(404, "Vendor report export not found") }
        return VendorAnswer(entity, message: "Vendor report export retrieved")
    }

    private func reports(_ request: Request) throws -> VendorAnswer {
        let (own, startedAt) = account.read { ($0.options.reports.filter(\.isOurs), $0.startedAt) }
        let page = try ListPage(own, request.uri.queryParameters, key: \.key)
        return VendorAnswer(
            page.json { $0.json(createdAt: startedAt) }, message: "Vendor report configurations retrieved")
    }

    private func report(_ key: String) throws -> VendorAnswer {
        let (report, startedAt) = account.read { state in
            (state.options.reports.first { $0.key == key && $0.isOurs }, state.startedAt)
        }
        guard let report else { throw VendorRefusal(404, "Vendor report configuration not found") }
        return VendorAnswer(report.json(createdAt: startedAt), message: "Vendor report configuration retrieved")
    }

    private func exportRecords(_ request: Request) async throws -> VendorAnswer {
        let members = try await gate.members(of: request)
        guard let email = members["member_email"]?.string, !email.isEmpty else {
            throw VendorRefusal(400, "Missing required field: member_email")
        }
        guard let names = members["export_types"]?.array, !names.isEmpty else {
            throw VendorRefusal(400, "Missing required field: export_types")
        }
        let types = names.compactMap { $0.string.flatMap(RecordType.init(rawValue:)) }
        guard types.count == names.count else {
            let known = RecordType.allCases.map(\.rawValue).joined(separator: ", ")
            throw VendorRefusal(400, "export_types must be among \(known)")
        }
        let mail = try account.change { state, now throws(VendorRefusal) in
            try state.exportRecords(types, for: email, at: now)
        }
        let asked: JSONValue = [
            "export_types": .array(mail.types.map { .string($0.rawValue) }), "member_email": .string(email),
        ]
        return VendorAnswer(asked, message: "Export requested; it will be sent by email", status: 202)
    }
}

/// An absolute http or https address.
func webAddress(_ value: JSONValue, _ member: String) throws(VendorRefusal) -> String {
    guard let text = value.string, let url = URL(string: text), ["http", "https"].contains(url.scheme?.lowercased()),
        url.host()?.isEmpty == false
    else { throw VendorRefusal(400, "\(member) must be a valid URL") }
    return text
}
