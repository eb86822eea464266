import CausewayCore
import Fanout
import Storage
import Support
import Testing

@Suite("Subscriptions", .onEveryEngine)
struct SubscriptionOperationsTests {
    private let body: JSONValue = [
        "url": "https://team.example/hook", "events": ["export.completed"], "filter": ["report": ["vrc_1"]],
        "headers": ["X-Team": "finance"], "retry_schedule": "1s,2s",
    ]

    @Test("what is made reads back the same, without its secret")
    func readsBack() async throws {
        let house = try await FanoutHouse()
        let made = try await house.subscribe(body)
        let read = try await house.subscriptions.subscription(made.id)
        #expect(read.terms == made.terms)
        #expect(
            read.json == [
                "id": .string(made.id.text), "url": "https://team.example/hook", "events": ["export.completed"],
                "description": nil, "filter": ["report": ["vrc_1"], "report_type": [], "source": [], "object": []],
                "format": "standard", "headers": ["X-Team": "***"], "max_in_flight": 10, "rate_per_second": nil,
                "ordering": "none", "retry_schedule": "1s,2s", "signatures": ["v1"], "public_key": nil, "enabled": true,
                "disabled_reason": nil, "disabled_at": nil, "failing_since": nil, "answers_again_at": nil,
                "created_at": .string(house.time.now().rfc3339),
            ])
        #expect(read.jsonWithHeaders["headers"] == ["X-Team": "finance"])
        #expect(made.jsonWithSecret["secret"] == read.secretJSON["secret"])
        #expect(read.secret?.reveal().hasPrefix("whsec_") == true)
    }

    @Test("where the caller's record fails, nothing was made")
    func recordingFails() async throws {
        struct DiskIsLava: Error {}
        let house = try await FanoutHouse()
        await #expect(throws: DiskIsLava.self) {
            _ = try await house.subscriptions.create(body) { _, _ in throw DiskIsLava() }
        }
        #expect(try await house.subscriptions.list(PageRequest()).elements.isEmpty)
    }

    @Test("the list is newest first, page by page")
    func pages() async throws {
        let house = try await FanoutHouse()
        var made: [SubscriptionID] = []
        for _ in 0..<5 { made.append(try await house.subscribe(body).id) }
        var listed: [SubscriptionID] = []
        var next: String?
        repeat {
            let page = try await house.subscriptions.list(PageRequest(limit: 2, after: next))
            listed += page.elements.map(\.id)
            next = page.next
        } while next != nil
        #expect(listed == made.reversed())
    }

    @Test("a change is written and recorded, and what is wrong is refused whole")
    func changes() async throws {
        let house = try await FanoutHouse()
        let made = try await house.subscribe(body)
        let changed = try await house.subscriptions.update(
            made.id, ["description": "Finance", "filter": ["source": ["api"]]]
        ) { _, _ in }
        #expect(changed.terms.description == "Finance")
        #expect(changed.terms.filter == SubscriptionFilter([.source: ["api"]]))
        #expect(changed.terms.secrets == made.terms.secrets)
        await #expect(throws: FanoutError.self) {
            _ = try await house.subscriptions.update(made.id, ["description": "x", "colour": "red"]) { _, _ in }
        }
        #expect(try await house.subscriptions.subscription(made.id).terms == changed.terms)
    }

    @Test("what is deleted is gone, and its secret with it")
    func deletes() async throws {
        let house = try await FanoutHouse()
        let made = try await house.subscribe(body)
        try await house.subscriptions.delete(made.id) { _, _ in }
        await #expect(throws: FanoutError.subscriptionNotFound) { try await house.subscriptions.subscription(made.id) }
        await #expect(throws: FanoutError.subscriptionNotFound) {
            try await house.subscriptions.delete(made.id) { _, _ in }
        }
        #expect(try await house.subscriptions.list(PageRequest()).elements.isEmpty)
        let secrets: [String] = try await house.storage.read { transaction in
            try transaction.rows("SELECT secrets FROM subscription").map { try $0["secrets"] }
        }
        #expect(secrets == ["[]"])
    }
}
