import Access
import CausewayCore
import Events
import Fanout
import Hummingbird
import Storage

/// `/v1/events`: the events in order, for those who would rather ask than be told.
struct EventRoutes {
    let engine: any StorageEngine
    let time: any TimeSource
    let redelivery: Redelivery
    let changes: ChangeRecorder
    private let log = EventLog()

    init(engine: any StorageEngine, time: any TimeSource, redelivery: Redelivery, changes: ChangeRecorder) {
        self.engine = engine
        self.time = time
        self.redelivery = redelivery
        self.changes = changes
    }

    func add(to routes: Routes) {
        routes.get("/v1/events", .eventsRead, readsQuery: true, list)
        routes.get("/v1/events/{id}", .eventsRead, show)
        routes.post("/v1/events/{id}/replay", .deliveriesWrite, replay)
    }

    @Sendable private func list(_ request: Request, _ context: APIContext) async throws -> Response {
        var query = QueryParameters(request)
        let page = query.page { Int64($0).map { $0 >= 0 } ?? false }
        let given = query.one("after")
        let after = given.flatMap { EventID(parsing: $0) }
        if given != nil, after == nil { query.refuse("after", "invalid_id", "This must be an event's id, evt_….") }
        if given != nil, page.after != nil { query.refuse("after", "repeated", "Give `after` or `cursor`, not both.") }
        let types = query.all("type", oneOf: EventTypes.all)
        let wait = query.wait()
        try query.finish()
        var place = page.after.flatMap { Int64($0) } ?? 0
        if let after {
            guard let found = try await engine.read({ [log] in try log.place(of: after, in: $0) }) else {
                throw Problem(FanoutError.eventNotFound)
            }
            place = found
        }
        let (start, deadline) = (place, time.now() + (wait ?? .zero))
        // With the log's end as it was then: what was looked through for a rare type is not looked through again.
        let look: @Sendable (Int64) async throws -> (events: [Event], end: Int64) = { [engine, log] start in
            try await engine.read { transaction in
                let end = try log.lastSequence(in: transaction)
                let limit = page.limit + 1
                let events =
                    types.isEmpty
                    // Tests are nobody's but the tested subscription's.
                    ? try log.events(after: start, hiding: EventTypes.test, limit: limit, in: transaction)
                    : try log.events(of: types, after: start, limit: limit, in: transaction)
                return (events, end)
            }
        }
        let read: @Sendable () async throws -> [Event] = { try await look(start).events }
        let events =
            wait == nil
            ? try await read()
            : try await LongPoll.answer { [engine, time] in
                try await engine.signals.withSubscription(to: [EventLog.topic]) { signal in
                    var start = start
                    while true {
                        let (events, end) = try await look(start)
                        start = max(start, end)
                        let now = time.now()
                        guard events.isEmpty, now < deadline else { return events }
                        _ = try await signal.next(until: min(deadline, now + .seconds(2)), by: time)
                    }
                }
            } now: {
                try await read()
            }
        return Answer.list(Page(fetched: events, limit: page.limit) { String($0.sequence) }, query.cursor, \.json)
    }

    @Sendable private func show(_ request: Request, _ context: APIContext) async throws -> Response {
        let id = try eventID(context)
        guard let event = try await engine.read({ [log] in try log.event(id, in: $0) }) else {
            throw Problem(FanoutError.eventNotFound)
        }
        return Answer.resource(event.json, for: request)
    }

    @Sendable private func replay(_ request: Request, _ context: APIContext) async throws -> Response {
        let id = try eventID(context)
        var body = try await RequestObject(request)
        let text = body.string("subscription")
        let subscription = text.flatMap { SubscriptionID(parsing: $0) }
        if text != nil, subscription == nil {
            body.refuse("subscription", "invalid_id", "This must be a subscription's id, sub_….")
        }
        try body.finish()
        return try await changes.perform(
            "event.replay", request, context, bodyHash: body.hash,
            outcome: { (count: Int) in
                .init(
                    status: .accepted,
                    body: [
                        "event": .string(id.text), "subscription": .optional(subscription?.text),
                        "count": .integer(Int64(count)),
                    ],
                    resource: id.text,
                    detail: ["subscription": .optional(subscription?.text), "count": .integer(Int64(count))])
            }
        ) { recording in
            do {
                return try await redelivery.replay(id, to: subscription, recording: recording)
            } catch let error as FanoutError {
                throw Problem(error)
            }
        }
    }

    private func eventID(_ context: APIContext) throws -> EventID {
        let text = try context.parameters.require("id")
        guard let id = EventID(parsing: text) else { throw Problem.notFound("event", text) }
        return id
    }
}
