import CausewayCore
import Testing
import VendorSimulator

/// The importer guide.
@Suite struct ImporterTests {
    @Test("A good file is taken: 200 without data, its bytes kept as they came")
    func goodFile() async throws {
        try await World.with { world async throws in
            let csv = "email,name\r\na@example.com,\"Doe, \"\"J\"\"\"\r\nb@example.com,Bée\r\n"
            let answer = try await world.upload("customers", csv)
            #expect(answer.status == 200)
            #expect(answer.json["status"] == 200)
            #expect(answer.message?.hasPrefix("File") == true)
            #expect(answer.json.object?.count == 2)
            let file = try #require(try await world.open("/simulator/imports?object=customers").data?.array?.first)
            #expect(file["imported"] == 2)
            #expect(file["skipped"] == 0)
            #expect(file["sha256"]?.string == Digest.sha256Hex(csv))
            #expect(try await world.open("/simulator/imports/\(file["key"]?.string ?? "")/file").text == csv)
        }
    }

    @Test(
        "Incorrect headers refuse the whole file",
        arguments: [
            ("customers", "email,nmae\na@example.com,x\n"), ("customers", "name\nx\n"),
            ("customers", "email,email\na,b\n"),
            ("customers", "\u{FEFF}email\na@example.com\n"), ("customers", "email;name\na@example.com;x\n"),
            ("partners", "tags\nx\n"), ("transactions", "amount\n1\n"), ("rewards", "partner_key,body\np,x\n"),
            ("transactions", "amount,customer_key,metadata.a-b\n1,c,x\n"), ("customers", ""), ("customers", "email\n"),
            ("customers", "email\n\"a@example.com\n"), ("customers", "email\n\"a@example.com\"x\n"),
        ])
    func badFiles(object: String, csv: String) async throws {
        try await World.with { world async throws in
            let answer = try await world.upload(object, csv)
            #expect(answer.status == 400)
            #expect(answer.json["status"] == 400)
            #expect(try await world.open("/simulator/imports").data?.array?.first?["state"] == "refused")
        }
    }

    @Test("Bad rows are skipped, the others imported")
    func badRows() async throws {
        try await World.with { world async throws in
            let csv =
                "partner_email,partner_key,partner_joined_date\na@b.co,,2020-12-25\n,,\nx@,,\n,k,2020-02-30\n,k\n,k,\n"
            #expect(try await world.upload("partners", csv).status == 200)
            let file = try await world.open("/simulator/imports").data?.array?.first
            #expect(file?["imported"] == 2)
            #expect(file?["skipped_rows"]?.array?.map { $0["row"] } == [2, 3, 4, 5])
        }
    }

    @Test(
        "A reward names exactly one partner and one amount, and has a description",
        arguments: [
            ("p@b.co,,customer,k,1000,,x,2021-11-05,CAD,paid,,true", true), (",p,,,,10.00,x,1636077035000,,,,", true),
            ("p@b.co,p,,,1000,,x,,,,,", false), (",p,,,1000,10.00,x,,,,,", false), (",p,,,,,x,,,,,", false),
            (",p,customer,,1000,,x,,,,,", false), (",p,,,10.5,,x,,,,,", false), (",p,,,1000,,,,,,,", false),
            (",p,,,1000,,x,,,gone,,", false), (",p,,,1000,,x,,,,,TRUE", false), (",p,,,1000,,x,5.11.2021,,,,", false),
            (",p,,,1000,,x,,dollars,,,", false),
        ])
    func rewards(row: String, isGood: Bool) async throws {
        try await World.with { world async throws in
            let header =
                "partner_email,partner_key,target_type,target_key,amount_in_cents,amount_in_dollars,body,created_at,"
                + "currency,status,decline_reason,is_external"
            _ = try await world.upload("rewards", "\(header)\n\(row)\n")
            #expect(try await world.open("/simulator/imports").data?.array?.first?["imported"] == (isGood ? 1 : 0))
        }
    }

    @Test("A transaction without its customer is skipped, and one whose key exists")
    func transactions() async throws {
        try await World.with { world async throws in
            _ = try await world.upload("customers", "email,customer_key\na@b.co,cus_1\n")
            let csv =
                "amount,customer_key,customer_email,key,metadata.note\n1,cus_1,,key1,\n1,cus_2,,key2,\n1,,a@b.co,key3,x\n"
                + "1,cus_1,a@b.co,key4,\n1,cus_1,,key1,\n1.5,cus_1,,key5,\n"
            _ = try await world.upload("transactions", csv)
            let file = try await world.open("/simulator/imports?object=transactions").data?.array?.first
            #expect(file?["imported"] == 2)
            #expect(file?["skipped_rows"]?.array?.map { $0["row"] } == [2, 4, 5, 6])
        }
    }

    @Test("Leads need their group and a status in lower case")
    func leads() async throws {
        try await World.with { world async throws in
            let csv = "partner_key,email,first_name,last_name,status\np,a@b.co,J,K,closed won\np,a@b.co,J,K,Open\n"
            #expect(try await world.upload("leads", csv).status == 400)
            #expect(try await world.upload("leads", csv, ["-F", "group_key=grup_1"]).status == 200)
            let file = try await world.open("/simulator/imports?state=imported").data?.array?.first
            #expect(file?["group_key"] == "grup_1")
            #expect(file?["imported"] == 1)
        }
    }

    @Test("Deals need amount, close date, key and stage; stages can be fixed")
    func deals() async throws {
        try await World.with(.quick { $0.dealStages = ["Working"] }) { world async throws in
            let csv =
                "amount,close_date,external_key,stage\n10000,2020-12-25,deal_1,Working\n10000,2020-12-25,deal_2,Won\n"
            _ = try await world.upload("deals", csv, ["-F", "group_key=grup_1"])
            #expect(try await world.open("/simulator/imports").data?.array?.first?["imported"] == 1)
        }
    }

    @Test("Invitations are told apart, and rows that come again are counted")
    func invitesAndRepeats() async throws {
        try await World.with { world async throws in
            let csv = "partner_key\np1\np2\n"
            _ = try await world.upload("partners", csv, ["-F", "send_invite_emails=true"])
            _ = try await world.upload("partners", "partner_key\np2\n")
            #expect(try await world.upload("partners", csv, ["-F", "send_invite_emails=maybe"]).status == 400)
            let files = try await world.open("/simulator/imports?state=imported").data?.array
            #expect(files?.map { $0["send_invite_emails"] } == ["true", .null])
            #expect(files?.map { $0["repeated"] } == [0, 1])
            let rows = try await world.state()["imported_rows"]?["partners"]
            #expect(rows == ["imported": 3, "distinct": 2, "repeated": 1])
        }
    }

    @Test("A form without file, a file that is no text/csv, a body that is no form, and no credentials are refused")
    func badForms() async throws {
        try await World.with { world async throws in
            let path = "/v1/import/customers"
            #expect(try await world.call(path, "-F", "data=x").status == 400)
            #expect(try await world.call(path, "-F", "file=email;type=application/pdf").status == 400)
            #expect(try await world.call(path, "-d", "email").status == 400)
            #expect(try await world.open(path, "-F", "file=email;type=text/csv").status == 401)
            #expect(try await world.upload("actions", "email\n").status == 404)
        }
    }

    @Test("Columns of the program's own are taken where they are configured")
    func customFields() async throws {
        try await World.with(.quick { $0.customFields = ["partners": ["territory"]] }) { world async throws in
            #expect(try await world.upload("partners", "partner_key,territory\np,x\n").status == 200)
        }
    }

    @Test("Expect: 100-continue is answered at once")
    func expectation() async throws {
        try await World.with { world async throws in
            let answer = try await world.upload("customers", "email\na@b.co\n", ["-H", "Expect: 100-continue"])
            #expect(answer.headers.hasPrefix("HTTP/1.1 100 Continue"))
            #expect(answer.status == 200)
        }
    }
}
