import CausewayCore
import Events
import Exports
import HTTPTypes
import Storage
import Support
import Testing
import Vendor
import VendorSimulator

@Suite("One export's way, against the simulator", .onEveryEngine)
struct WayTests {
    @Test("An export that is asked for ends in success, is told once, and shows what the contract says")
    func success() async throws {
        try await ExportWorld.with { world in
            let asked = try await world.request { $0.metadata = ["team": "finance"] }
            #expect(asked.way == .made)
            #expect(asked.resource["status"] == "requested")
            let export = try await world.settled(asked.export.id)
            #expect(export.status == .success)
            #expect(try await world.eventTypes(export.id) == ["export.completed"])

            let resource = world.domain.operations.resource(of: export)
            #expect(
                Set(resource.object?.keys.map { $0 } ?? []) == [
                    "id", "vendor_key", "report", "status", "report_type", "source", "member_email", "show_unexpanded",
                    "requests", "metadata", "requested_at", "queued_at", "completed_at", "expires_at", "not_before",
                    "files", "zip_file", "report_config", "error", "vendor", "seen_by",
                ])
            #expect(resource["report_type"] == "partner_team_member_report")
            #expect(resource["metadata"] == ["team": "finance"])
            #expect(resource["report_config"]?["order_by"] == ["-revenue_amount_usd"])
            #expect(resource["vendor"]?["target_key"] == "comp_123456")
            #expect(resource["error"] == .null)
            let file = try #require(resource["files"]?.array?.first)
            let name = try #require(file["name"]?.string)
            #expect(file["url"]?.string == "http://gateway.internal/v1/exports/\(export.id)/files/\(name)")
            #expect(file["mirrored"] == false)
            let text = resource.text
            #expect(!text.contains("webhook_target_url") && !text.contains("/hooks/") && !text.contains("signature="))

            let event = try #require(try await world.events().first)
            #expect(event.data["status"] == "success")
            #expect(event.attributes["report"] == "vrc_123456")
            #expect(event.attributes["source"] == "api")
            let entity = try JSONValue(parsing: event.attributes["vendor_entity"] ?? "")
            #expect(entity["files"]?.array?.first?["url"]?.string?.contains("signature=") == true)
            #expect(entity["webhook_target_url"] == Optional<JSONValue>.none)
            #expect(try await world.domain.operations.export(export.vendorKey ?? "").id == export.id)
        }
    }

    @Test("Without any webhook polling finds the end, and says so")
    func polling() async throws {
        try await ExportWorld.with(.quick { $0.sendsWebhooks = false }) { world in
            let id = try await world.request().export.id
            let export = try await world.settled(id)
            #expect(export.status == .success)
            #expect(export.seenBy[.poll] != nil && export.seenBy[.webhook] == nil)
            #expect(try await world.eventTypes(id) == ["export.completed"])
            #expect(world.domain.counters[.webhookMissed] == 1)
        }
    }

    @Test("Doubled and reordered webhooks on both ways are one completion")
    func doubled() async throws {
        try await ExportWorld.with(
            .quick { $0.faults = [Fault(.webhookDoubled), Fault(.webhookReordered, count: 2)] },
            settings: Self.noPolling
        ) { world in
            try await world.domain.accountWebhook.register()
            let id = try await world.request().export.id
            _ = try await world.settled(id)
            try await world.control(.get, "/simulator/webhooks?state=delivered&count=4&wait=60")
            try await world.until("all checks are done") { transaction in
                try transaction.row(
                    "SELECT id FROM work_item WHERE kind = 'export.check' AND visible_at < 2000000000000 AND owner IS NOT NULL"
                ) == nil
            }
            let export = try await world.settled(id)
            #expect(export.status == .success)
            #expect(export.seenBy[.webhook] != nil && export.seenBy[.event] != nil && export.seenBy[.poll] == nil)
            #expect(try await world.eventTypes(id) == ["export.completed"])
            #expect(world.domain.counters[.contradiction] == 0)
        }
    }

    @Test("A webhook that comes too early is not believed")
    func early() async throws {
        try await ExportWorld.with(
            .quick {
                $0.faults = [Fault(.webhookEarly)]
                $0.hold = true
            }
        ) { world in
            let id = try await world.request().export.id
            let queued = try await world.settled(id, .queued)
            try await world.until("the early webhook has been seen") { transaction in
                try transaction.row("SELECT id FROM export WHERE seen_webhook IS NOT NULL") != nil
            }
            #expect(try await world.domain.operations.export(id.text).status == .queued)
            try await world.control(.post, "/simulator/exports/\(queued.vendorKey ?? "")/complete")
            let export = try await world.settled(id)
            #expect(export.status == .success)
            let link = try #require(export.vendorExport?.files.first?.url)
            #expect(link.hasPrefix(world.simulatorURL))
            #expect(try await world.eventTypes(id) == ["export.completed"])
        }
    }

    /// Nothing but webhooks tells of an end.
    private static func noPolling(_ settings: inout ExportSettings) {
        (settings.pollFast, settings.pollSlow) = (.seconds(3600), .seconds(3600))
    }

    @Test("A failure at the vendor is a failure with its reason, told once")
    func failure() async throws {
        try await ExportWorld.with(.quick { $0.faults = [Fault(.exportFails)] }) { world in
            let id = try await world.request().export.id
            let export = try await world.settled(id)
            #expect(export.status == .failure)
            #expect(export.error?.code == "vendor_failure")
            #expect(export.error?.vendor == "The report could not be generated")
            #expect(try await world.eventTypes(id) == ["export.failed"])
        }
    }

    @Test("When the links die the export is expired, and its files are gone", .inRealTime)
    func expiry() async throws {
        try await ExportWorld.with(.quick { $0.linkLifetime = RealTime.limit * 2 }) {
            $0.expiryGrace = .milliseconds(50)
        } _: { world in
            let id = try await world.request().export.id
            let export = try await world.settled(id, .expired)
            #expect(try await world.eventTypes(id) == ["export.completed", "export.expired"])
            let name = try #require(
                world.domain.operations.resource(of: export)["files"]?.array?.first?["name"]?.string)
            await #expect(throws: ExportOperationError.self) { _ = try await world.domain.files.open(id.text, name) }
        }
    }

    @Test("An export that the vendor never ends fails after its time, and says so")
    func timeout() async throws {
        try await ExportWorld.with(.quick { $0.hold = true }) {
            $0.pollPatience = .milliseconds(500)
            $0.pollFast = .milliseconds(100)
        } _: { world in
            let id = try await world.request().export.id
            let export = try await world.settled(id)
            #expect(export.error?.code == "vendor_timeout")
            #expect(try await world.eventTypes(id) == ["export.failed"])
        }
    }

    @Test("Exports that others started are recorded and told alike", arguments: ["in_app", "scheduled"])
    func foreign(_ source: String) async throws {
        try await ExportWorld.with { world in
            try await world.domain.accountWebhook.register()
            let made = try await world.control(
                .post, "/simulator/exports", ["source": .string(source), "after_ms": 50])
            let key = try #require(made["key"]?.string)
            try await world.until("the export is on record") { transaction in
                try ExportStore().export(vendorKey: key, in: transaction) != nil
            }
            let export = try await world.domain.operations.export(key)
            #expect(export.status == .success)
            #expect(export.source == source)
            #expect(export.memberEmail == nil && export.requests == 0)
            #expect(export.seenBy[.event] != nil)
            #expect(try await world.eventTypes(export.id) == ["export.completed"])
        }
    }

    @Test("A scheduled export's own webhook URL may be the account's address, with the bare entity")
    func scheduledWithBareEntity() async throws {
        try await ExportWorld.with { world in
            let url = try await world.domain.accountWebhook.url()
            let made = try await world.control(
                .post, "/simulator/exports",
                ["source": "scheduled", "after_ms": 50, "webhook_target_url": .string(url)])
            let key = try #require(made["key"]?.string)
            try await world.until("the export is on record") { transaction in
                try ExportStore().export(vendorKey: key, in: transaction) != nil
            }
            let export = try await world.domain.operations.export(key)
            #expect(export.seenBy[.webhook] != nil && export.seenBy[.event] == nil)
            let shown = world.domain.operations.resource(of: export).text
            #expect(!shown.contains("/hooks/"))
        }
    }

    @Test("A file passes through whole; a link that has died is asked for anew", .inRealTime)
    func files() async throws {
        try await ExportWorld.with(
            .quick {
                $0.files = 2
                $0.fileSize = 300_000
                $0.signatureLifetime = RealTime.limit
            }
        ) { world in
            let id = try await world.request().export.id
            let export = try await world.settled(id)
            let resource = world.domain.operations.resource(of: export)
            let name = try #require(resource["files"]?.array?.last?["name"]?.string)
            let zip = try #require(resource["zip_file"]?["name"]?.string)
            for (round, file) in [name, zip, name].enumerated() {
                if round == 2 { try await SystemTimeSource().sleep(for: RealTime.limit * 5 / 4) }
                let download = try await world.domain.files.open(id.text, file)
                var count: Int64 = 0
                for try await chunk in download.chunks() { count += Int64(chunk.count) }
                #expect(count == download.size && count > 100_000)
            }
            await #expect(throws: ExportOperationError.self) {
                _ = try await world.domain.files.open(id.text, "other.csv")
            }
            #expect(try await world.control(.get, "/simulator/state")["credential_leaks"] == 0)
        }
    }

    @Test("The account's webhook is made once, mended when it is wrong, made again when it is gone")
    func accountWebhook() async throws {
        try await ExportWorld.with(works: false) { world in
            let webhook = world.domain.accountWebhook
            #expect(try await webhook.register() == .missing)
            guard case .right(let key) = try await webhook.state() else {
                Issue.record("not right")
                return
            }
            try await webhook.register()
            #expect(try await world.requests("webhooks.create") == 1)
            #expect(try await world.requests("webhooks.update") == 0)
            let path = try await webhook.url().dropFirst(world.settings.publicURL.count)
            _ = try await world.vendor.updateWebhook(
                key, targetURL: "http://old.example" + path, event: VendorClient.exportCompleted)
            guard case .wrong = try await webhook.register() else {
                Issue.record("not wrong")
                return
            }
            #expect(try await webhook.state() == .right(key: key))
            #expect(try await webhook.remove() == 1)
            #expect(try await webhook.register() == .missing)
        }
    }

    @Test("Saved reports are asked for once while they are young")
    func savedReports() async throws {
        try await ExportWorld.with(works: false) { world in
            let first = try await world.domain.reports.list()
            #expect(first.value.count == 7)
            #expect(first.value.first?["key"] == "vrc_123456")
            _ = try await world.domain.reports.list()
            #expect(try await world.requests("reports") == 1)
            #expect(try await world.domain.reports.report("vrc_123457").value["report_type"] == "customer_report")
            let error = await #expect(throws: ExportOperationError.self) {
                _ = try await world.domain.reports.report("vrc_none")
            }
            #expect(error?.code == "not_found")
        }
    }
}
