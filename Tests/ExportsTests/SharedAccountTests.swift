import CausewayCore
import Events
@testable import Exports
import Foundation
import Logging
import Storage
import Support
import Testing
import Vendor
import WorkQueue

@Suite("The account's webhook with several gateways")
struct SharedAccountTests {
    @Test("Two with different addresses have one registration each, and neither touches the other's")
    func different() async throws {
        try await Account.with { account in
            let (one, two) = (account.gateway("https://one.example"), account.gateway("https://two.example"))
            for gateway in [one, two] { try await gateway.start() }
            for _ in 0..<3 {
                for gateway in [one, two] { try await gateway.accountWebhook.register() }
            }
            #expect(try await account.hosts() == ["one.example", "two.example"])
            #expect(try await account.world.requests("webhooks.create") == 2)
            #expect(try await account.world.requests("webhooks.update") == 0)
            #expect(try await account.world.requests("webhooks.delete") == 0)
        }
    }

    @Test("Each mends its own, wherever it was made to lead")
    func mending() async throws {
        try await Account.with { account in
            let (one, two) = (account.gateway("https://one.example"), account.gateway("https://two.example"))
            for gateway in [one, two] {
                try await gateway.start()
                try await gateway.accountWebhook.register()
            }
            let first = try #require(try await account.webhooks().first { $0.targetURL?.contains("one") == true })
            _ = try await account.world.vendor.updateWebhook(
                first.key, targetURL: "https://elsewhere.example", event: VendorClient.exportCompleted)
            #expect(try await two.accountWebhook.register() != .missing)
            #expect(try await account.hosts() == ["elsewhere.example", "two.example"])
            try await one.accountWebhook.register()
            #expect(try await account.hosts() == ["one.example", "two.example"])
            #expect(try await account.world.requests("webhooks.create") == 2)
        }
    }

    @Test("Two with the same address share one; of two that were made at once one goes")
    func same() async throws {
        try await Account.with { account in
            let gateways = [account.gateway("https://one.example"), account.gateway("https://one.example")]
            for gateway in gateways { try await gateway.start() }
            let url = try await gateways[0].accountWebhook.url()
            for _ in 0..<2 {
                _ = try await account.world.vendor.createWebhook(targetURL: url, event: VendorClient.exportCompleted)
            }
            for gateway in gateways { try await gateway.accountWebhook.register() }
            #expect(try await account.hosts() == ["one.example"])
            let items = try await account.engine.read {
                try $0.rows("SELECT kind FROM work_item WHERE kind LIKE 'export.webhook.%'")
            }
            #expect(items.count == 1)
        }
    }

    @Test("What a gateway that is gone has left is removed once nobody has looked after it for four rounds")
    func gone() async throws {
        try await Account.with { account in
            let (old, new) = (account.gateway("https://old.example"), account.gateway("https://new.example"))
            try await old.start()
            try await old.accountWebhook.register()
            try await new.start()
            account.time.advance(by: .seconds(4 * 6 * 3600 - 1))
            try await new.accountWebhook.register()
            #expect(try await account.hosts() == ["new.example", "old.example"])
            account.time.advance(by: .seconds(1))
            try await new.accountWebhook.register()
            #expect(try await account.hosts() == ["new.example"])
            let items = try await account.engine.read {
                try $0.rows("SELECT kind FROM work_item WHERE kind LIKE 'export.webhook.%'")
            }
            #expect(items.count == 1)
            // It was only away.
            try await old.start()
            try await old.accountWebhook.register()
            try await new.accountWebhook.register()
            #expect(try await account.hosts() == ["new.example", "old.example"])
        }
    }

    @Test("A gateway takes up its own address's work alone")
    func work() async throws {
        try await Account.with { account in
            let (one, two) = (account.gateway("https://one.example"), account.gateway("https://two.example"))
            for gateway in [one, two] { try await gateway.start() }
            #expect(one.accountWebhook.handler.kind != two.accountWebhook.handler.kind)
            let items = try await account.engine.read { transaction in
                try transaction.rows(
                    "SELECT kind, work_key FROM work_item WHERE kind LIKE 'export.webhook.%' ORDER BY work_key")
            }
            #expect(try items.map { try $0["work_key"] } == ["https://one.example", "https://two.example"])
            #expect(
                try items.map { try $0["kind"] }
                    == [one.accountWebhook.handler.kind, two.accountWebhook.handler.kind])
        }
    }

    @Test("Where there can be no other gateway, a changed public_url takes the old registration with it")
    func lone() async throws {
        try await ExportWorld.with(works: false) { world in
            let account = Account(world: world, engine: world.engine, time: ManualTimeSource())
            for url in ["https://old.example", "https://new.example"] {
                let gateway = account.gateway(url)
                try await gateway.start()
                try await gateway.accountWebhook.register()
            }
            #expect(try await account.hosts() == ["new.example"])
        }
    }
}

/// One account at the vendor, one database, and gateways on both.
private struct Account: Sendable {
    let world: ExportWorld
    let engine: any StorageEngine
    let time: ManualTimeSource

    /// On a PostgreSQL.
    static func with(_ body: @escaping @Sendable (Account) async throws -> Void) async throws {
        try await PostgresDatabase.with(EventMigrations.all + WorkQueueMigrations.all + ExportMigrations.all) {
            engine in
            try await ExportWorld.with(works: false) { world in
                try await body(Account(world: world, engine: engine, time: ManualTimeSource()))
            }
        }
    }

    func gateway(_ publicURL: String) -> ExportDomain {
        ExportDomain(
            engine: engine, queue: WorkQueue(), vendor: world.vendor, files: world.files,
            settings: ExportSettings(publicURL: publicURL, internalURL: publicURL, memberEmail: nil), time: time,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    func webhooks() async throws -> [VendorWebhook] { try await world.vendor.webhooks().items }

    func hosts() async throws -> [String] {
        try await webhooks().compactMap { $0.targetURL.flatMap(URL.init(string:))?.host() }.sorted()
    }
}
