import CausewayCore
import Testing
import Vendor

@testable import Exports

@Suite("What callers see of an export")
struct ResourceTests {
    private func export(_ members: [String: JSONValue]) -> Export {
        let now = Timestamp(milliseconds: 1_700_000_000_000)
        var export = Export.requested(
            id: ExportID(at: now), report: "vrc_1", memberEmail: "m@example.com", showUnexpanded: false,
            hookToken: Secret("the-token"), at: now)
        let whole = members.merging(["key": "vrex_1", "status": "success"]) { $1 }
        guard let said = VendorExport(.object(whole)) else { preconditionFailure("no export") }
        _ = export.vendorSays(said, at: now)
        return export
    }

    @Test("The vendor's other members are shown whole; what leads to us or to its files is left out, however deep")
    func vendorMembers() {
        let export = export([
            "webhook_target_url": "https://gateway/hooks/exports/the-token",
            "scheduler": [
                "webhook_target_url": "https://gateway/hooks/events/other", "cron": "0 0 * * *",
                "links": ["https://files.example/a?signature=1", "https://docs.example/page", "the-token"],
            ],
            "later": [1, .number(2.5), nil, true], "preview": "https://files.example/b?X-Goog-Signature=2",
        ])
        let vendor = ExportResource(internalURL: "http://gateway").json(of: export)["vendor"]
        #expect(
            vendor == [
                "later": [1, .number(2.5), nil, true],
                "scheduler": ["cron": "0 0 * * *", "links": ["https://docs.example/page"]],
            ])
    }

    @Test("Names of files are safe in a path and unique, whatever the vendor calls them")
    func fileNames() {
        let export = export([
            "files": [
                ["name": "a b.csv", "url": "u1"], ["name": "a b.csv", "url": "u2"],
                ["name": "../x/y.csv", "url": "u3"],
                ["key": "file_4"], ["url": "u5"],
            ],
            "zip_file": ["name": "a b.csv", "url": "u6"],
        ])
        let resource = ExportResource(internalURL: "http://gateway/").json(of: export)
        let names = resource["files"]?.array?.compactMap { $0["name"]?.string }
        #expect(names == ["a b.csv", "2-a b.csv", ".._x_y.csv", "file_4"])
        #expect(
            resource["files"]?.array?.first?["url"]?.string == "http://gateway/v1/exports/\(export.id)/files/a%20b.csv")
        #expect(resource["zip_file"]?["name"] == "all-a b.csv")
        #expect(export.file(named: "2-a b.csv")?.url == "u2")
        #expect(export.file(named: "all-a b.csv")?.url == "u6")
    }

    @Test("A refusal counts only where the vendor itself speaks")
    func refusals() {
        let now = Timestamp(milliseconds: 0)
        func answer(_ json: JSONValue?) -> ExportTriggerAnswer {
            ExportTriggerAnswer(
                VendorError(
                    cause: .forbidden, action: .giveUp(reason: ""), status: 403, message: "no", answer: json),
                window: .seconds(7200), backoff: .seconds(4), now: now)
        }
        guard case .refused(let error) = answer(["message": "no"]) else {
            Issue.record("not refused")
            return
        }
        #expect(error.code == "vendor_forbidden")
        guard case .notTaken(let error, true, let again) = answer(.none) else {
            Issue.record("not tried again")
            return
        }
        #expect(error.code == "vendor_unreadable")
        #expect(again == now + .seconds(4))
    }
}
