import CausewayCore
@testable import CausewayServer
import Foundation
import Logging
import Storage
import Support
import Testing

@Suite("The data directory of several gateways")
struct DirectoryIdentityTests {
    @Test("One directory serves all gateways on a database, at every start")
    func same() async throws {
        try await Gateways.onNewDatabase { gateways in
            let place = try TemporaryDirectory()
            for _ in 0..<3 { try await gateways.start(in: place) }
        }
    }

    @Test("Ten gateways that start at once on an empty directory and an empty database agree")
    func race() async throws {
        try await Gateways.onNewDatabase(isMigrated: false) { gateways in
            let place = try TemporaryDirectory()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<10 {
                    group.addTask {
                        try await Schema.prepare(gateways.engine, at: Timestamp(milliseconds: 0))
                        try await gateways.start(in: place)
                    }
                }
                try await group.waitForAll()
            }
            let left = try FileManager.default.contentsOfDirectory(atPath: place.path)
            #expect(left.sorted() == ["identity", "uploads"])
        }
    }

    @Test("Of two that start at once with a directory each, one serves and the other is refused")
    func two() async throws {
        try await Gateways.onNewDatabase { gateways in
            let places = try [TemporaryDirectory(), TemporaryDirectory()]
            let refusals = try await withThrowingTaskGroup(of: String?.self) { group in
                for place in places { group.addTask { try await gateways.refusal(in: place) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(refusals.count { $0 == nil } == 1)
            let refusal = try #require(refusals.compactMap(\.self).first)
            #expect(refusal.contains("Mount"))
        }
    }

    @Test("A directory without the file is refused, and the words say how one that is lost is replaced")
    func missing() async throws {
        try await Gateways.onNewDatabase { gateways in
            let place = try TemporaryDirectory()
            try await gateways.start(in: place)
            let other = try TemporaryDirectory()
            let refusal = try #require(try await gateways.refusal(in: other))
            #expect(refusal.contains("the file `identity` is missing"))
            let command = try #require(refusal.firstMatch(of: /printf '(.+)\\n' > (\S+)/))
            try "\(command.1)\n".write(toFile: String(command.2), atomically: true, encoding: .utf8)
            try await gateways.start(in: other)
        }
    }

    @Test("A directory of another database is refused")
    func foreign() async throws {
        let place = try TemporaryDirectory()
        try await Gateways.onNewDatabase { try await $0.start(in: place) }
        try await Gateways.onNewDatabase { gateways in
            let refusal = try await gateways.refusal(in: place)
            #expect(refusal?.contains("belongs to another database") == true)
        }
    }

    @Test("A gateway without database_url does not serve from a directory of a PostgreSQL database")
    func forgottenURL() async throws {
        let place = try TemporaryDirectory()
        try await Gateways.onNewDatabase { try await $0.start(in: place) }
        let settings = try Settings.load(
            environment: ["CAUSEWAY_DATA_DIR": place.path], purpose: .administration)
        let gateways = Gateways(engine: try Store.open(settings, logger: .silent))
        let refusal = try await gateways.refusal(in: place)
        #expect(refusal?.contains("database_url is not set") == true)
        try FileManager.default.removeItem(atPath: place.file("identity"))
        try await gateways.start(in: place)
        try await gateways.engine.close()
    }
}

/// Gateways on one PostgreSQL database, as far as the check of the data directory goes.
private struct Gateways: Sendable {
    let engine: any StorageEngine

    static func onNewDatabase(
        isMigrated: Bool = true, _ body: (Gateways) async throws -> Void
    ) async throws {
        try await PostgresDatabase.with { database in
            let settings = try Settings.load(
                environment: ["CAUSEWAY_DATABASE_URL": database.url], purpose: .administration)
            let engine = try Store.open(settings, logger: .silent)
            let result: Result<Void, any Error>
            do {
                if isMigrated { try await Schema.migrate(engine, at: Timestamp(milliseconds: 0)) }
                result = .success(try await body(Gateways(engine: engine)))
            } catch {
                result = .failure(error)
            }
            try await engine.close()
            try result.get()
        }
    }

    func start(in place: TemporaryDirectory) async throws {
        try await DirectoryIdentity(directory: DataDirectory(place.path), engine: engine, logger: .silent).check()
    }

    /// Why it does not start; nil where it does.
    func refusal(in place: TemporaryDirectory) async throws -> String? {
        do {
            try await start(in: place)
            return nil
        } catch let error as GatewayError {
            return error.description
        }
    }
}

extension Logger {
    fileprivate static var silent: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}
