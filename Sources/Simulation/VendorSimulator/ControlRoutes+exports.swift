import CausewayCore
import Hummingbird

extension ControlRoutes {
    /// Making exports that nobody triggered through the API, and ending any.
    func addExports(to router: Router<SimulatorContext>) {
        router.post("/simulator/exports") { request, _ in try await make(request) }
        router.post("/simulator/exports/{key}/complete") { _, context in
            act(context) { state, key, now in state.complete(key, at: now) }
        }
        router.post("/simulator/exports/{key}/fail") { request, context in
            let words = try await controlBody(request)["error"]?.string
            return act(context) { state, key, now in state.fail(key, message: words, at: now) }
        }
        router.post("/simulator/exports/{key}/expire") { _, context in
            act(context) { state, key, now in state.expire(key, at: now) }
        }
        router.post("/simulator/exports/{key}/announce") { request, context in
            let members = try await controlBody(request)
            return act(context) { state, key, now in state.announceAgain(key, members, at: now) }
        }
    }

    private func act(
        _ context: SimulatorContext, _ action: (inout AccountState, String, Timestamp) -> Void
    ) -> Response {
        let key = context.parameters.get("key") ?? ""
        let entity = account.change { state, now -> JSONValue? in
            guard state.exports[key] != nil else { return nil }
            action(&state, key, now)
            return state.exports[key].map { state.entity($0, at: now) }
        }
        return entity.map { ControlAnswer.json($0) } ?? ControlAnswer.refusal(404, "no export \(key)")
    }

    private func make(_ request: Request) async throws -> Response {
        let members = try await controlBody(request)
        guard let source = VendorExport.Source(rawValue: members["source"]?.string ?? "in_app") else {
            return ControlAnswer.refusal(400, "source is api, in_app or scheduled")
        }
        let entity = account.change { state, now -> JSONValue? in
            let key = members["report"]?.string ?? state.options.reports.first?.key
            guard let report = state.options.reports.first(where: { $0.key == key }) else { return nil }
            let export = state.makeExport(
                of: report, source: source,
                member: members["member_email"]?.string ?? state.options.members.first ?? "ops@example.com",
                webhookTargetURL: members["webhook_target_url"]?.string,
                after: members["after_ms"]?.integer.map { .milliseconds($0) }, at: now)
            return state.entity(export, at: now)
        }
        guard let entity else { return ControlAnswer.refusal(400, "no such report") }
        return ControlAnswer.json(entity, status: 201)
    }
}

extension AccountState {
    /// Sends webhooks about an export as it is, or as `entity` says that it is; through `channel` alone where given.
    mutating func announceAgain(_ key: String, _ members: [String: JSONValue], at now: Timestamp) {
        guard let export = exports[key], case .object(var entity) = entity(export, at: now) else { return }
        entity.merge(members["entity"]?.object ?? [:]) { $1 }
        let channel = members["channel"]?.string
        if channel != "account" { announceDirectly(export, .object(entity), at: now) }
        if channel != "direct" { announceToAccount(export, .object(entity), at: now) }
    }

    /// Everything at a glance; the lists themselves have routes of their own.
    func summary(at now: Timestamp) -> JSONValue {
        let name = options.subscriptionEventMember
        return [
            "url": .string(baseURL), "now": .integer(now.milliseconds),
            "exports": .array(exportOrder.suffix(1000).compactMap { exports[$0] }.map { entity($0, at: now) }),
            "exports_by_status": .object(
                Dictionary(grouping: exports.values, by: \.status.rawValue).mapValues { .integer(Int64($0.count)) }
                    .reduce(into: [:]) { $0[$1.key] = $1.value }),
            "webhooks": .array(posts.suffix(1000).map(\.json)),
            "subscriptions": .array(subscriptions.map { $0.json(eventMember: name) }),
            "imports": .array(imports.suffix(1000).map(\.json)), "imported_rows": importedRows.json,
            "mails": .array(mails.suffix(1000).map { json($0, at: now) }),
            "requests": .object(requests.mapValues { .integer(Int64($0)) }),
            "faults": .array(faults.map(\.json)), "credential_leaks": .integer(Int64(credentialLeaks)),
        ]
    }
}

extension SimulatorOptions {
    /// What may change while the stand-in runs; false where the name or the value is not good.
    mutating func set(_ name: String, to value: JSONValue) -> Bool {
        if let flag = value.bool {
            switch name {
            case "hold": hold = flag
            case "webhooks": sendsWebhooks = flag
            case "announces_failures": announcesFailures = flag
            case "sends_retry_after": sendsRetryAfter = flag
            case "requires_customers": requiresCustomers = flag
            default: return false
            }
            return true
        }
        if name == "fail_rate", let share = value.double, (0...1).contains(share) {
            failRate = share
            return true
        }
        if name == "members", let names = value.array {
            members = names.compactMap(\.string)
            return members.count == names.count
        }
        guard let number = value.integer, number >= 0, let whole = Int(exactly: number) else { return false }
        switch name {
        case "export_duration_ms": exportDuration = .milliseconds(number)
        case "link_lifetime_ms": linkLifetime = .milliseconds(number)
        case "window_ms": window = .milliseconds(number)
        case "files": files = max(1, whole)
        case "file_rows":
            fileRows = whole
            fileSize = nil
        case "file_size": fileSize = number
        case "limit_per_report": limitPerReport = max(1, whole)
        case "limit_per_member": limitPerMember = max(1, whole)
        case "requests_per_minute": requestsPerMinute = whole
        default: return false
        }
        return true
    }
}
