import Access
import CausewayCore
import Storage
import Support
import Testing

@Suite("Keys", .onEveryEngine)
struct KeyOperationsTests {
    let time = ManualTimeSource()

    func setUp(adminKey: Secret? = nil) async throws -> (KeyOperations, TestDatabase) {
        let database = try await TestDatabase(AccessMigrations.all)
        return (KeyOperations(engine: database.engine, time: time, adminKey: adminKey), database)
    }

    func make(_ keys: KeyOperations, _ scopes: [Scope], expiresAt: Timestamp? = nil) async throws -> IssuedKey {
        try await keys.create(name: "team", scopes: scopes, expiresAt: expiresAt) { _, _ in }
    }

    @Test("let their holder in with their scopes, and are kept as a hash alone")
    func authenticate() async throws {
        let (keys, database) = try await setUp()
        let issued = try await make(keys, [.exportsRead])
        let caller = try #require(try await keys.authenticate(issued.text.reveal()))
        #expect(caller.id == issued.key.id.text)
        #expect(caller.may(.exportsRead))
        #expect(!caller.may(.exportsWrite))
        let stored = try await database.engine.read { try $0.row("SELECT * FROM api_key")?["hash"] as String? }
        #expect(stored == Digest.sha256Hex(issued.text.reveal()))
        #expect(try await keys.authenticate(issued.text.reveal() + "x") == nil)
    }

    @Test("open nothing once revoked or expired")
    func endings() async throws {
        let (keys, _) = try await setUp()
        let revoked = try await make(keys, [.admin])
        #expect(try await keys.revoke(revoked.key.id) { _, _ in } != nil)
        #expect(try await keys.authenticate(revoked.text.reveal()) == nil)
        let short = try await make(keys, [.admin], expiresAt: time.now() + .seconds(10))
        #expect(try await keys.authenticate(short.text.reveal()) != nil)
        time.advance(by: .seconds(10))
        #expect(try await keys.authenticate(short.text.reveal()) == nil)
        #expect(try await keys.revoke(APIKeyID(at: time.now())) { _, _ in } == nil)
    }

    @Test("from the settings open everything and need no record")
    func adminKey() async throws {
        let (keys, _) = try await setUp(adminKey: Secret("set-up"))
        #expect(try await keys.authenticate("set-up")?.may(.auditRead) == true)
        #expect(try await keys.authenticate("set-upx") == nil)
    }

    @Test("are listed newest first, page by page")
    func list() async throws {
        let (keys, _) = try await setUp()
        var made: [String] = []
        for _ in 0..<5 {
            time.advance(by: .milliseconds(1))
            made.append(try await make(keys, [.admin]).key.id.text)
        }
        let first = try await keys.list(PageRequest(limit: 3))
        let second = try await keys.list(PageRequest(limit: 3, after: first.next))
        #expect((first.elements + second.elements).map(\.id.text) == made.reversed())
        #expect(second.next == nil)
    }

    @Test("for one object cover that object alone; for imports every object")
    func objectScopes() throws {
        let one = Caller(id: "k", name: "k", scopes: [try #require(Scope("imports:write:customers"))])
        #expect(one.may(.importsWrite("customers")))
        #expect(!one.may(.importsWrite("rewards")))
        #expect(!one.may(.importsWrite))
        #expect(Caller(id: "k", name: "k", scopes: [.importsWrite]).may(.importsWrite("rewards")))
        #expect(Scope("imports:write:everything") == nil)
        #expect(Scope("exports") == nil)
    }
}
