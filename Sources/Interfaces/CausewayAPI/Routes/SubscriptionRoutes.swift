import Access
import CausewayCore
import Fanout
import Foundation
import HTTPTypes
import Hummingbird

/// `/v1/subscriptions`
struct SubscriptionRoutes {
    let subscriptions: SubscriptionOperations
    let changes: ChangeRecorder

    func add(to routes: Routes) {
        routes.post("/v1/subscriptions", .subscriptionsWrite, create)
        routes.get("/v1/subscriptions", .subscriptionsRead, readsQuery: true, list)
        routes.get("/v1/subscriptions/{id}", .subscriptionsRead, show)
        routes.get("/v1/subscriptions/{id}/secret", .subscriptionsWrite, secret)
        routes.post("/v1/subscriptions/{id}/rotate-secret", .subscriptionsWrite, rotateSecret)
        routes.patch("/v1/subscriptions/{id}", .subscriptionsWrite, update)
        routes.delete("/v1/subscriptions/{id}", .subscriptionsWrite, delete)
    }

    @Sendable private func create(_ request: Request, _ context: APIContext) async throws -> Response {
        let body = try await RequestObject(request)
        return try await changes.perform(
            "subscription.create", request, context, bodyHash: body.hash,
            outcome: { (subscription: Subscription) in
                .init(
                    status: .created, body: subscription.json, wholeBody: subscription.jsonWithSecret,
                    location: "/v1/subscriptions/\(subscription.id)", resource: subscription.id.text,
                    // The path may hold what is secret.
                    detail: ["host": .optional(URLComponents(string: subscription.terms.url)?.host)])
            }, completing: withSecret
        ) { recording in
            try await translating { try await subscriptions.create(.object(body.members), recording: recording) }
        }
    }

    @Sendable private func list(_ request: Request, _ context: APIContext) async throws -> Response {
        var query = QueryParameters(request)
        let page = query.page { Int64($0) != nil }
        try query.finish()
        let isWriter = try context.requireCaller().may(.subscriptionsWrite)
        return Answer.list(try await subscriptions.list(page)) { isWriter ? $0.jsonWithHeaders : $0.json }
    }

    @Sendable private func show(_ request: Request, _ context: APIContext) async throws -> Response {
        let id = try subscriptionID(context)
        let subscription = try await translating { try await subscriptions.subscription(id) }
        let isWriter = try context.requireCaller().may(.subscriptionsWrite)
        return Answer.resource(isWriter ? subscription.jsonWithHeaders : subscription.json, for: request)
    }

    @Sendable private func secret(_ request: Request, _ context: APIContext) async throws -> Response {
        let id = try subscriptionID(context)
        let subscription = try await translating { try await subscriptions.subscription(id) }
        guard !subscription.isSealed else { throw Problem(FanoutError.secretSealed) }
        return Answer.json(subscription.secretJSON)
    }

    /// The answer that was kept for an `Idempotency-Key`, with what is not kept: as it is now.
    @Sendable private func withSecret(_ kept: JSONValue) async throws -> JSONValue {
        guard case .object(var members) = kept, let id = members["id"]?.string.flatMap({ SubscriptionID(parsing: $0) })
        else { return kept }
        do {
            let subscription = try await subscriptions.subscription(id)
            for name in ["secret", "headers", "public_key"] {
                members[name] = subscription.jsonWithSecret[name]
            }
        } catch FanoutError.subscriptionNotFound {
            throw Problem(
                .gone, code: "gone", detail: "The subscription was deleted since the first request with this key.")
        }
        return .object(members)
    }

    @Sendable private func rotateSecret(_ request: Request, _ context: APIContext) async throws -> Response {
        let id = try subscriptionID(context)
        let body = try await RequestObject(request)
        return try await changes.perform(
            "subscription.rotate_secret", request, context, bodyHash: body.hash,
            outcome: { (subscription: Subscription) in
                .init(
                    status: .ok, body: subscription.json, wholeBody: subscription.jsonWithSecret,
                    resource: subscription.id.text, detail: ["grace": body.members["grace"] ?? .null])
            }, completing: withSecret
        ) { recording in
            try await translating {
                try await subscriptions.rotateSecret(id, .object(body.members), recording: recording)
            }
        }
    }

    @Sendable private func update(_ request: Request, _ context: APIContext) async throws -> Response {
        let id = try subscriptionID(context)
        let body = try await RequestObject(request)
        return try await changes.perform(
            "subscription.update", request, context, bodyHash: nil,
            outcome: { (subscription: Subscription) in
                .init(
                    status: .ok, body: subscription.jsonWithHeaders, resource: subscription.id.text,
                    detail: ["members": .array(body.members.keys.sorted().map(JSONValue.string))])
            }
        ) { recording in
            try await translating { try await subscriptions.update(id, .object(body.members), recording: recording) }
        }
    }

    @Sendable private func delete(_ request: Request, _ context: APIContext) async throws -> Response {
        let id = try subscriptionID(context)
        return try await changes.perform(
            "subscription.delete", request, context, bodyHash: nil,
            outcome: { (id: SubscriptionID) in .init(status: .noContent, resource: id.text) }
        ) { recording in
            try await translating {
                try await subscriptions.delete(id) { try recording($0.id, $1) }
                return id
            }
        }
    }

    private func subscriptionID(_ context: APIContext) throws -> SubscriptionID {
        let text = try context.parameters.require("id")
        guard let id = SubscriptionID(parsing: text) else { throw Problem.notFound("subscription", text) }
        return id
    }

    private func translating<Result>(_ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch let error as FanoutError {
            throw Problem(error)
        }
    }
}

extension Problem {
    init(_ error: FanoutError) {
        switch error {
        case .invalid(let mistakes):
            self = .invalid(mistakes.map { FieldProblem(field: $0.field, code: $0.code, detail: $0.detail) })
        case .subscriptionNotFound, .deliveryNotFound:
            self.init(.notFound, code: "not_found", detail: error.detail)
        case .secretSealed, .tooManySecrets:
            self.init(.conflict, code: error.code, detail: error.detail)
        }
    }
}
