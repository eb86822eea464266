import Access
import CausewayCore
import Storage
import Support
import Testing

@Suite("Keys of two gateways", .onEveryEngine)
struct KeyGatewaysTests {
    @Test("A revoked key is refused at once by the gateway that revoked it, and within a second by the other")
    func revoking() async throws {
        let time = ManualTimeSource()
        let engines = try await TestDatabase(AccessMigrations.all).gateways()
        let gateways = engines.map { KeyOperations(engine: $0, time: time) }
        let issued = try await gateways[0].create(name: "team", scopes: [.admin], expiresAt: nil) { _, _ in }
        for gateway in gateways { #expect(try await gateway.authenticate(issued.text.reveal()) != nil) }
        _ = try await gateways[0].revoke(issued.key.id) { _, _ in }
        #expect(try await gateways[0].authenticate(issued.text.reveal()) == nil)
        time.advance(by: .seconds(1))
        #expect(try await gateways[1].authenticate(issued.text.reveal()) == nil)
    }

    @Test("A caller who asks often costs one look a second")
    func looks() async throws {
        let time = ManualTimeSource()
        let engine = try await TestDatabase(AccessMigrations.all).engine
        let keys = KeyOperations(engine: engine, time: time)
        let issued = try await keys.create(name: "team", scopes: [.admin], expiresAt: nil) { _, _ in }
        let before = engine.statistics[.reads]
        for _ in 0..<3 {
            for _ in 0..<10 { #expect(try await keys.authenticate(issued.text.reveal()) != nil) }
            time.advance(by: .seconds(1))
        }
        #expect(engine.statistics[.reads] - before == 3)
    }
}
