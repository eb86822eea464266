import Access
import CausewayCore
import Fanout
import Foundation
import HTTPTypes
import Hummingbird

/// `/v1/subscriptions`
struct SubscriptionRoutes {
    let subscriptions: SubscriptionOperations
    let redelivery: Redelivery
    let tests: TestDelivery
    let changes: ChangeRecorder
    let time: any TimeSource

    func add(to routes: Routes) {
        routes.post("/v1/subscriptions", .subscriptionsWrite, create)
        routes.get("/v1/subscriptions", .subscriptionsRead, readsQuery: true, list)
        routes.get("/v1/subscriptions/{id}", .subscriptionsRead, show)
        routes.get("/v1/subscriptions/{id}/secret", .subscriptionsWrite, secret)
        routes.post("/v1/subscriptions/{id}/rotate-secret", .subscriptionsWrite, rotateSecret)
        routes.post("/v1/subscriptions/{id}/test", .subscriptionsWrite, test)
        routes.post("/v1/subscriptions/{id}/replay", .deliveriesWrite, replay)
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
        return Answer.list(try await subscriptions.list(page), query.cursor) { isWriter ? $0.jsonWithHeaders : $0.json }
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

    @Sendable private func test(_ request: Request, _ context: APIContext) async throws -> Response {
        let id = try subscriptionID(context)
        var body = try await RequestObject(request)
        try body.finish()
        return try await changes.perform(
            "subscription.test", request, context, bodyHash: body.hash,
            outcome: { (tested: TestDelivery.Tested) in
                .init(
                    status: .ok, body: tested.delivery.json(with: tested.attempts), resource: id.text,
                    detail: ["delivery": .string(tested.delivery.id.text)])
            }
        ) { recording in
            try await translating { try await tests.send(id, recording: recording) }
        }
    }

    @Sendable private func replay(_ request: Request, _ context: APIContext) async throws -> Response {
        let id = try subscriptionID(context)
        var body = try await RequestObject(request)
        if body.value("since") == nil { body.refuse("since", "required", "From when on: a time.") }
        let since = body.time("since") ?? time.now()
        let until = body.time("until") ?? time.now()
        let selection = body.oneOf("state", ReplayRequest.Selection.allCases.map(\.rawValue))
        if until <= since, body.problems.isEmpty {
            body.refuse("until", "out_of_range", "This must be after `since`, which is not to come.")
        }
        try body.finish()
        let wanted = ReplayRequest(
            since: since, until: until, selection: selection.flatMap(ReplayRequest.Selection.init) ?? .failed)
        return try await changes.perform(
            "subscription.replay", request, context, bodyHash: body.hash,
            outcome: { (count: Int) in
                let answer: JSONValue = [
                    "subscription": .string(id.text), "since": .string(since.rfc3339),
                    "until": .string(until.rfc3339), "state": .string(wanted.selection.rawValue),
                    "count": .integer(Int64(count)),
                ]
                return .init(status: .accepted, body: answer, resource: id.text, detail: answer)
            }
        ) { recording in
            try await translating { try await redelivery.replay(id, wanted, recording: recording) }
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
        case .subscriptionNotFound, .deliveryNotFound, .eventNotFound:
            self.init(.notFound, code: "not_found", detail: error.detail)
        case .notSent:
            self.init(.serviceUnavailable, code: error.code, detail: error.detail)
        case .secretSealed, .tooManySecrets, .subscriptionDeleted, .deliveryUnderWay, .notInFormat, .testUnderWay:
            self.init(.conflict, code: error.code, detail: error.detail)
        }
    }
}
