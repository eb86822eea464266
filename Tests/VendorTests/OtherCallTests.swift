import CausewayCore
import Foundation
import HTTPTypes
import OutboundHTTP
import Support
import Testing
import Vendor
import VendorSimulator

@Suite("Reports, webhooks, imports, records")
struct OtherCallTests {
    @Test("Saved reports are listed to their end, page by page")
    func reports() async throws {
        try await VendorWorld.with(.quick { $0.reports += ReportConfiguration.further(30) }) { world in
            var keys: [String] = []
            var after: String?
            repeat {
                let page = try await world.client.reports(limit: 10, after: after)
                keys += page.items.map(\.key)
                after = page.next
            } while after != nil
            #expect(keys.count == 37)
            #expect(Set(keys).count == 37)
            let one = try await world.client.report("vrc_123457")
            #expect(one.name == "Customers, last 12 months")
            #expect(one.reportType == "customer_report")
            let missing = await #expect(throws: VendorError.self) { _ = try await world.client.report("vrc_none") }
            #expect(missing?.cause == .notFound)
        }
    }

    @Test("A webhook is made, listed, changed and deleted, and deleting it twice is no error")
    func webhooks() async throws {
        try await VendorWorld.with { world in
            let made = try await world.client.createWebhook(
                targetURL: "https://gateway.example/hooks/events/t", event: VendorClient.exportCompleted)
            #expect(made.events == [VendorClient.exportCompleted])
            #expect(try await world.client.webhooks().items.map(\.key) == [made.key])
            let changed = try await world.client.updateWebhook(
                made.key, targetURL: "https://other.example/", event: VendorClient.exportCompleted)
            #expect(changed.targetURL == "https://other.example/")
            #expect(try await world.client.webhook(made.key) == changed)
            try await world.client.deleteWebhook(made.key)
            try await world.client.deleteWebhook(made.key)
            #expect(try await world.client.webhooks().items.isEmpty)
        }
    }

    @Test("A subscription's events go as a list where that is set")
    func webhookEventsAsList() async throws {
        try await VendorWorld.with(.quick { $0.subscriptionEventMember = "events" }) {
            $0.webhookEvents = .events
        } _: { world in
            let made = try await world.client.createWebhook(
                targetURL: "https://gateway.example/", event: VendorClient.exportCompleted)
            #expect(made.events == [VendorClient.exportCompleted])
        }
    }

    @Test(
        "Each object's file arrives at the importer byte for byte",
        arguments: [
            (ImportObjectName.partners, "partner_email,group\nx@example.com,gold\n"),
            (.customers, "email,name\nx@example.com,\"X, Y\"\n"),
            (.transactions, "amount,customer_email\n100,x@example.com\n"),
            (.rewards, "partner_email,amount_in_cents,body\nx@example.com,100,Bonus\n"),
            (.leads, "partner_key,email,first_name,last_name\np1,x@example.com,X,Y\n"),
            (.deals, "amount,close_date,external_key,stage\n1,2026-01-01,d1,won\n"),
        ])
    func imports(_ object: ImportObjectName, _ csv: String) async throws {
        try await VendorWorld.with { world in
            let directory = try TemporaryDirectory()
            let path = directory.file("upload.csv")
            try Data(csv.utf8).write(to: URL(filePath: path))
            let answer = try await world.client.importFile(
                ImportUpload(
                    object: object, filePath: path, filename: "my \"file\".csv",
                    group: object == .leads || object == .deals ? "grup_1" : nil,
                    sendInvites: object == .partners ? true : nil))
            #expect(answer.message?.hasPrefix("File") == true)
            let received = try await world.control(.get, "/simulator/imports")["data"]?.array?.first
            #expect(received?["object"]?.string == object.rawValue)
            let key = received?["key"]?.string ?? ""
            #expect(try await world.control(.get, "/simulator/imports/\(key)/file") == .string(csv))
            #expect(received?["group_key"]?.string == (object == .leads || object == .deals ? "grup_1" : nil))
            #expect(received?["send_invite_emails"]?.string == (object == .partners ? "true" : nil))
        }
    }

    @Test("A stretch of a file goes out behind a header of its own")
    func importOfAStretch() async throws {
        try await VendorWorld.with { world in
            let directory = try TemporaryDirectory()
            let path = directory.file("upload.csv")
            let header = "email\n"
            try Data((header + "a@example.com\nb@example.com\nc@example.com\n").utf8).write(to: URL(filePath: path))
            _ = try await world.client.importFile(
                ImportUpload(
                    object: .customers, filePath: path, offset: 20, length: 14, prefix: Array(header.utf8),
                    filename: "part-2.csv"))
            let key = try await world.control(.get, "/simulator/imports")["data"]?.array?.first?["key"]?.string ?? ""
            #expect(
                try await world.control(.get, "/simulator/imports/\(key)/file") == .string("email\nb@example.com\n"))
        }
    }

    @Test("A lost answer to an import is an unknown outcome, and the file went out once")
    func lostImport() async throws {
        let fault = Fault(.dropAnswer, route: "import", count: 1)
        try await VendorWorld.with(.quick { $0.faults = [fault] }) { world in
            let directory = try TemporaryDirectory()
            let path = directory.file("upload.csv")
            try Data("email\na@example.com\n".utf8).write(to: URL(filePath: path))
            let error = await #expect(throws: VendorError.self) {
                _ = try await world.client.importFile(
                    ImportUpload(object: .customers, filePath: path, filename: "c.csv"))
            }
            guard case .unknownOutcome = error?.action else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(try await world.requests("import.customers") == 1)
        }
    }

    @Test("A record export is asked for with its types and member")
    func recordExport() async throws {
        try await VendorWorld.with { world in
            let answer = try await world.client.exportRecords(
                RecordExportRequest(types: ["partners", "leads"], memberEmail: "ops@example.com"))
            #expect(answer.message?.isEmpty == false)
            let mail = try await world.control(.get, "/simulator/mails?wait=60")["data"]?.array?.first
            #expect(mail?["export_types"]?.array?.count == 2)
        }
    }
}
