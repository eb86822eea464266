import CausewayCore
import Foundation
import Storage
import StoragePostgres
import Support
import Testing

@Suite("How PostgreSQL is reached")
struct PostgresAddressTests {
    @Test("is the first of several hosts that answers and takes writes")
    func severalHosts() async throws {
        let world = try await PostgresWorld()
        let dead = try FreePort.any()
        let url = world.cluster.tcpURL.replacing("/postgres", with: "/\(world.database)")
            .replacing("@", with: "@127.0.0.1:\(dead),")
        let engine = try PostgresWorld.engine(url: url)
        try await engine.add("a")
        #expect(try await world.things() == ["a"])
        try await engine.close()
    }

    @Test("is not one that only reads")
    func readOnly() async throws {
        let world = try await PostgresWorld()
        try await world.cluster.query("ALTER DATABASE \(world.database) SET default_transaction_read_only = on")
        let engine = try world.engine { $0.patience = .milliseconds(100) }
        await #expect(throws: StorageError.connectionLost(commitSent: false)) { try await engine.add("a") }
        try await engine.close()
    }

    @Test("is checked by certificate and name where the URL asks for it")
    func encrypted() async throws {
        let cluster = try await PostgresCluster()
        let world = try await PostgresWorld(cluster)
        let certificate = try await cluster.encrypt()
        let own = cluster.tcpURL.replacing("/postgres", with: "/\(world.database)")
        let checked = "?sslmode=verify-full&sslrootcert=\(certificate)"
        let engine = try PostgresWorld.engine(url: own.replacing("127.0.0.1", with: "localhost") + checked)
        let isEncrypted: Bool? = try await engine.read {
            try $0.row("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")?["ssl"]
        }
        #expect(isEncrypted == true)
        try await engine.close()
        // The certificate is not for this name.
        let refused = try PostgresWorld.engine(url: own + checked) { $0.patience = .milliseconds(100) }
        await #expect(throws: StorageError.connectionLost(commitSent: false)) { try await refused.number(of: "a") }
        try await refused.close()
    }

    @Test("needs UTF-8 and a schema")
    func unfit() async throws {
        let world = try await PostgresWorld()
        let name = "latin_\(world.database)"
        try await world.cluster.query(
            """
            CREATE DATABASE \(name) ENCODING 'LATIN1' LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C'
            TEMPLATE template0
            """)
        let latin = try PostgresWorld.engine(url: world.cluster.url(of: name))
        await #expect(throws: StorageError.failed(detail: "The database's encoding is LATIN1; UTF8 is needed")) {
            try await latin.number(of: "a")
        }
        try await latin.close()
        let nowhere = try world.engine(parameters: "?options=-csearch_path%3Dnowhere")
        await #expect(throws: StorageError.failed(detail: "The search_path names no schema that exists")) {
            try await nowhere.number(of: "a")
        }
        try await nowhere.close()
    }
}
