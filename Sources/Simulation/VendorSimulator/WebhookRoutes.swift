import CausewayCore
import Hummingbird

/// The account's webhook subscriptions.
struct WebhookRoutes {
    let account: Account
    let gate: VendorGate

    func add(to router: Router<SimulatorContext>) {
        let path = RouterPath("/api/v2/webhooks")
        let one = RouterPath("/api/v2/webhooks/{key}")
        router.post(path) { request, context in
            try await gate.serve("webhooks.create", request, context) { try await create(request) }
        }
        router.get(path) { request, context in
            try await gate.serve("webhooks.list", request, context) { try list(request) }
        }
        router.get(one) { request, context in
            try await gate.serve("webhooks.get", request, context) {
                try change(context.parameters.get("key"), "Webhook retrieved") { _, _, _ throws(VendorRefusal) in }
            }
        }
        router.patch(one) { request, context in
            try await gate.serve("webhooks.update", request, context) { try await update(request, context) }
        }
        router.delete(one) { request, context in
            try await gate.serve("webhooks.delete", request, context) {
                try change(context.parameters.get("key"), "Webhook deleted") { state, index, _ throws(VendorRefusal) in
                    let gone = state.subscriptions.remove(at: index)
                    state.tell("webhook \(gone.key) to \(readable(gone.targetURL)) deleted")
                }
            }
        }
    }

    private func create(_ request: Request) async throws -> VendorAnswer {
        let members = try await gate.members(of: request)
        guard let target = members["target_url"] else {
            throw VendorRefusal(400, "Missing required field: target_url")
        }
        let url = try webAddress(target, "target_url")
        let json = try account.change { state, now throws(VendorRefusal) in
            let name = state.options.subscriptionEventMember
            guard let event = Self.event(members, name) else {
                throw VendorRefusal(400, "Missing required field: \(name)")
            }
            let subscription = WebhookSubscription(
                key: state.makeKey("hook"), targetURL: url, event: event, createdAt: now, updatedAt: now)
            state.subscriptions.append(subscription)
            state.tell("webhook \(subscription.key) registered: \(event) to \(readable(url))")
            return subscription.json(eventMember: name)
        }
        return VendorAnswer(json, message: "Webhook created")
    }

    private static func event(_ members: [String: JSONValue], _ name: String) -> String? {
        let value = name == "events" ? members[name]?.array?.first : members[name]
        return value?.string.flatMap { $0.isEmpty ? nil : $0 }
    }

    private func list(_ request: Request) throws -> VendorAnswer {
        let (all, name) = account.read { ($0.subscriptions, $0.options.subscriptionEventMember) }
        let page = try ListPage(all, request.uri.queryParameters, key: \.key)
        return VendorAnswer(page.json { $0.json(eventMember: name) }, message: "Webhooks retrieved")
    }

    private func update(_ request: Request, _ context: SimulatorContext) async throws -> VendorAnswer {
        let members = try await gate.members(of: request)
        let url = try members["target_url"].map { value throws(VendorRefusal) in try webAddress(value, "target_url") }
        return try change(context.parameters.get("key"), "Webhook updated") { state, index, now throws(VendorRefusal) in
            let name = state.options.subscriptionEventMember
            if members[name] != nil, Self.event(members, name) == nil {
                throw VendorRefusal(400, "\(name) is not valid")
            }
            if let url { state.subscriptions[index].targetURL = url }
            if let event = Self.event(members, name) { state.subscriptions[index].event = event }
            state.subscriptions[index].updatedAt = now
            state.tell("webhook \(state.subscriptions[index].key) updated")
        }
    }

    /// Finds a subscription, changes it, and answers it as it is afterwards (as it was, where it is gone).
    private func change(
        _ key: String?, _ message: String,
        _ body: (inout AccountState, Int, Timestamp) throws(VendorRefusal) -> Void
    ) throws(VendorRefusal) -> VendorAnswer {
        let json = try account.change { state, now throws(VendorRefusal) in
            guard let index = state.subscriptions.firstIndex(where: { $0.key == key }) else {
                throw VendorRefusal(404, "Webhook not found")
            }
            let before = state.subscriptions[index]
            try body(&state, index, now)
            let after = state.subscriptions.first { $0.key == key } ?? before
            return after.json(eventMember: state.options.subscriptionEventMember)
        }
        return VendorAnswer(json, message: message)
    }
}
