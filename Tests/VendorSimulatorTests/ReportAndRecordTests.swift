import CausewayCore
import Testing
import VendorSimulator

/// Saved reports, and the export of base records.
@Suite struct ReportAndRecordTests {
    @Test("Saved reports of all seven types are listed in pages, forwards and backwards")
    func reports() async throws {
        try await World.with { world async throws in
            let path = "/api/v2/vendor_report_configuration/list"
            let all = try await world.call(path).data
            let keys = all?["items"]?.array?.compactMap { $0["key"]?.string } ?? []
            #expect(Set(all?["items"]?.array?.compactMap { $0["report_type"]?.string } ?? []).count == 7)
            #expect(keys.first == "vrc_123456")
            #expect(keys.contains("vrc_999999") == false)
            #expect(all?["has_more"] == false)
            let page = try await world.call("\(path)?limit=2&starting_after=\(keys[1])").data
            #expect(page?["items"]?.array?.compactMap { $0["key"]?.string } == Array(keys[2...3]))
            #expect(page?["has_more"] == true)
            let back = try await world.call("\(path)?limit=2&ending_before=\(keys[3])").data
            #expect(back?["items"]?.array?.compactMap { $0["key"]?.string } == Array(keys[1...2]))
            for limit in ["0", "251", "x"] { #expect(try await world.call("\(path)?limit=\(limit)").status == 400) }
            #expect(try await world.call("\(path)?starting_after=none").status == 400)
        }
    }

    @Test("One report is shown; another company's is not found")
    func report() async throws {
        try await World.with { world async throws in
            let path = "/api/v2/vendor_report_configuration"
            #expect(try await world.call("\(path)/vrc_123457").data?["report_type"] == "customer_report")
            #expect(try await world.call("\(path)/vrc_999999").status == 404)
        }
    }

    @Test("Base records end in a mail to the member, with links that live half an hour")
    func records() async throws {
        let time = ManualTime()
        try await World.with(time: time) { world async throws in
            let answer = try await world.post(
                "/api/v2/exports/base_records",
                ["export_types": ["partners", "transactions"], "member_email": "ops@example.com"])
            #expect(answer.status == 202)
            await time.isAwaited(at: time.now() + .milliseconds(20))
            time.advance(by: .milliseconds(20))
            let mail = try await world.open("/simulator/mails?wait=60").data?.array?.first
            #expect(mail?["member_email"] == "ops@example.com")
            let links = mail?["links"]?.array ?? []
            #expect(links.map { $0["name"] } == ["partners.csv", "transactions.csv"])
            let url = links[1]["url"]?.string ?? ""
            #expect(try await world.open(url).text.hasPrefix("Partner_id,partner_name,"))
            time.advance(by: .seconds(1800))
            #expect(try await world.open(url).status == 403)
        }
    }

    @Test("Base records: 400 for what is missing or unknown, 403 where the member or no type is allowed")
    func badRecords() async throws {
        try await World.with(.quick { $0.recordTypes = [.partners] }) { world async throws in
            let path = "/api/v2/exports/base_records"
            let member: JSONValue = "ops@example.com"
            #expect(try await world.post(path, ["export_types": ["partners"]]).status == 400)
            #expect(try await world.post(path, ["member_email": member]).status == 400)
            #expect(try await world.post(path, ["export_types": ["cats"], "member_email": member]).status == 400)
            #expect(try await world.post(path, ["export_types": ["leads"], "member_email": member]).status == 403)
            #expect(try await world.post(path, ["export_types": ["partners"], "member_email": "x@y.z"]).status == 403)
            #expect(
                try await world.post(path, ["export_types": ["leads", "partners"], "member_email": member]).status
                    == 202)
        }
    }
}
