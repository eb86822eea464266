import Access
import CausewayCore
import Events
import Fanout
import Hummingbird

/// `/v1/deliveries`
struct DeliveryRoutes {
    let deliveries: DeliveryOperations
    let redelivery: Redelivery
    let changes: ChangeRecorder

    func add(to routes: Routes) {
        routes.get("/v1/deliveries", .deliveriesRead, readsQuery: true, list)
        routes.get("/v1/deliveries/{id}", .deliveriesRead, show)
        routes.post("/v1/deliveries/{id}/retry", .deliveriesWrite, retry)
    }

    @Sendable private func list(_ request: Request, _ context: APIContext) async throws -> Response {
        var query = QueryParameters(request)
        let page = query.page { Int64($0) != nil }
        var filter = DeliveryFilter()
        for text in query.all("subscription") {
            guard let id = SubscriptionID(parsing: text) else {
                query.refuse("subscription", "invalid_id", "This must be a subscription's id, sub_….")
                continue
            }
            filter.subscriptions.append(id)
        }
        for text in query.all("event") {
            guard let id = EventID(parsing: text) else {
                query.refuse("event", "invalid_id", "This must be an event's id, evt_….")
                continue
            }
            filter.events.append(id)
        }
        filter.states = query.all("state", oneOf: Delivery.State.allCases.map(\.rawValue))
            .compactMap(Delivery.State.init)
        try query.finish()
        return Answer.list(try await deliveries.list(filter, page), query.cursor, \.json)
    }

    @Sendable private func retry(_ request: Request, _ context: APIContext) async throws -> Response {
        let id = try deliveryID(context)
        var body = try await RequestObject(request)
        try body.finish()
        return try await changes.perform(
            "delivery.retry", request, context, bodyHash: body.hash,
            outcome: { (delivery: Delivery) in
                .init(status: .accepted, body: delivery.json, resource: delivery.id.text)
            }
        ) { recording in
            do {
                return try await redelivery.retry(id, recording: recording)
            } catch let error as FanoutError {
                throw Problem(error)
            }
        }
    }

    private func deliveryID(_ context: APIContext) throws -> DeliveryID {
        let text = try context.parameters.require("id")
        guard let id = DeliveryID(parsing: text) else { throw Problem.notFound("delivery", text) }
        return id
    }

    @Sendable private func show(_ request: Request, _ context: APIContext) async throws -> Response {
        let id = try deliveryID(context)
        do {
            let (delivery, attempts) = try await deliveries.delivery(id)
            return Answer.resource(delivery.json(with: attempts), for: request)
        } catch let error as FanoutError {
            throw Problem(error)
        }
    }
}
