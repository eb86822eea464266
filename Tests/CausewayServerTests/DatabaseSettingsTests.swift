import CausewayCore
import CausewayServer
import Testing

private func load(_ database: [String: String]) throws -> Settings.Database {
    var environment: [String: String] = [:]
    for (name, text) in database { environment["CAUSEWAY_DATABASE_\(name)"] = text }
    return try Settings.load(environment: environment, purpose: .administration).database
}

@Suite("Settings of the database")
struct DatabaseSettingsTests {
    @Test("Without an address SQLite is used, and the rest has its default")
    func defaults() throws {
        let database = try load([:])
        #expect(database.address == nil)
        #expect(database.listenAddress == nil)
        #expect(database.connections == 8)
        #expect(database.statementTimeout == .seconds(30))
        #expect(database.lockTimeout == .seconds(10))
        #expect(database.connectTimeout == .seconds(10))
    }

    @Test(
        "An address is taken as libpq takes it, and only host and database are shown",
        arguments: [
            ("postgres://causeway:hush@db.example.com/causeway", "db.example.com/causeway"),
            ("postgresql://db", "db/"),
            (
                "postgres://u:h%40sh@a:5432,b:5433,[fd00::1]:5434/c?target_session_attrs=read-write",
                "a:5432,b:5433,[fd00::1]:5434/c"
            ),
            ("postgres:///causeway?host=/run/postgresql&user=hush", "/run/postgresql/causeway"),
            ("postgres://", "a local socket/"),
            ("postgres://hush@/causeway", "a local socket/causeway"),
            ("postgres://db/?dbname=causeway&password=hush&sslmode=verify-full", "db/causeway"),
        ])
    func addresses(text: String, place: String) throws {
        let address = try #require(try load(["URL": text]).address)
        #expect(address.place == place)
        #expect(address.url.reveal() == text)
    }

    @Test(
        "What is no such address is refused, and its password is not shown",
        arguments: [
            ("mysql://user:hush@db/causeway", "is no address of a database that Causeway knows"),
            ("postgres:/user:hush@db/causeway", "is no address of a database that Causeway knows"),
            ("postgres://user:hu sh@db/causeway", "holds a space"),
            ("postgres://user:hu@sh@db/causeway", "an @ in its user or password"),
            ("postgres://user:hu/sh@db/causeway", "has a port that is none"),
            ("postgres://user:12/hush@db/causeway", "has a / or an @ out of place"),
            ("postgres://user:hush%@db/causeway", "holds a % that begins no two hexadecimal digits"),
            ("postgres://user:hu#sh@db/causeway", "holds a #"),
            ("postgres://user:hush@db:65536/causeway", "has a port that is none"),
            ("postgres://user:hush@[::1/causeway", "has a [ without an address"),
            ("postgres://user:hush@[]/causeway", "has a [ without an address"),
            ("postgres://user:hu%00sh@db/causeway", "holds %00"),
            ("postgres://user:hush@db,/causeway", "has a host without a name"),
            ("postgres://user:hush@db/causeway?sslmode", "has a parameter that is no name=value"),
        ])
    func mistakes(text: String, words: String) throws {
        let refused = #expect(throws: SettingsRefused.self) { try load(["URL": text]) }
        let description = try #require(refused?.mistakes.first?.description)
        #expect(description.contains(words))
        #expect(!description.contains("hu"))
        #expect(refused?.mistakes.count == 1)
    }

    @Test("Too few connections, and times that no database keeps, are refused")
    func ranges() {
        for (name, text) in [("CONNECTIONS", "1"), ("CONNECTIONS", "201"), ("LOCK_TIMEOUT", "0s")] {
            #expect(throws: SettingsRefused.self) { try load([name: text]) }
        }
    }
}
