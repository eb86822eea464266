import CausewayCore
import Testing
import VendorSimulator

/// The report export guide, steps 1 and 2C and its error table.
@Suite struct ExportTests {
    @Test("A trigger answers the guide's members: queued, no files, and a message that names 30 minutes")
    func triggerAnswer() async throws {
        try await World.with(.quick { $0.hold = true }) { world async throws in
            let answer = try await world.trigger("vrc_123456", ["webhook_target_url": "http://127.0.0.1:9/x"])
            #expect(answer.status == 200)
            #expect(answer.json["status"] == 200)
            #expect(answer.message == "Vendor report export queued and can take up to 30 minutes")
            let data = try #require(answer.data?.object)
            #expect(
                Set(data.keys) == [
                    "key", "status", "report_type", "vendor_report_configuration_key", "source", "created_at",
                    "updated_at", "files", "zip_file", "webhook_target_url",
                ])
            #expect(data["key"]?.string?.hasPrefix("vrex_") == true)
            #expect(data["status"] == "queued")
            #expect(data["report_type"] == "partner_team_member_report")
            #expect(data["source"] == "api")
            #expect(data["files"] == [])
            #expect(data["zip_file"] == .null)
            #expect(data["webhook_target_url"] == "http://127.0.0.1:9/x")
            #expect(data["created_at"]?.integer ?? 0 > 1_600_000_000_000)
        }
    }

    @Test("The status is queued without files, then success with one signed file and its expiry")
    func statusLife() async throws {
        try await World.with(.quick { $0.hold = true }) { world async throws in
            let key = try await world.trigger().data?["key"]?.string ?? ""
            let queued = try await world.status(key)
            #expect(queued.data?["status"] == "queued")
            #expect(queued.data?["files"] == [])
            #expect(queued.message == "Vendor report export retrieved")
            _ = try await world.open("/simulator/exports/\(key)/complete", "-X", "POST")
            let done = try #require(try await world.status(key).data)
            #expect(done["status"] == "success")
            #expect(done["zip_file"] == .null)
            let file = try #require(done["files"]?.array?.first)
            #expect(file["name"]?.string == "partner_team_member_report-\(key.dropFirst(5)).csv")
            #expect(file["url"]?.string?.contains("signature=") == true)
            #expect(done["file_key"] == file["key"])
            let life = (done["expires_at"]?.integer ?? 0) - (done["updated_at"]?.integer ?? 0)
            #expect(life == 172_800_000)
        }
    }

    @Test("The whole entity has every member of the guide's example")
    func wholeEntity() async throws {
        try await World.with { world async throws in
            let entity = try #require(try await world.finished().object)
            #expect(
                Set(entity.keys) == [
                    "key", "status", "report_type", "vendor_report_configuration_key", "source", "created_at",
                    "updated_at", "expires_at", "files", "zip_file", "file_key", "zip_file_key", "target_key",
                    "exporter_key", "webhook_target_url", "report_config", "recipients", "configuration",
                    "retry_count", "error", "admin_user_key", "scheduler_key",
                ])
            #expect(entity["report_config"]?["filters"]?["date_range_key"] == "last_12_months")
        }
    }

    @Test("An export that fails says why in error, and has no files")
    func failure() async throws {
        try await World.with(.quick { $0.failRate = 1 }) { world async throws in
            let entity = try await world.finished(until: "failure")
            #expect(entity["status"] == "failure")
            #expect(entity["error"]?.string != nil)
            #expect(entity["files"] == [])
        }
    }

    @Test("A success whose links have died is expired")
    func expiry() async throws {
        let time = ManualTime()
        try await World.with(.quick { $0.hold = true }, time: time) { world async throws in
            let key = try await world.trigger().data?["key"]?.string ?? ""
            _ = try await world.open("/simulator/exports/\(key)/complete", "-X", "POST")
            time.advance(by: .seconds(172_799))
            #expect(try await world.status(key).data?["status"] == "success")
            time.advance(by: .seconds(1))
            #expect(try await world.status(key).data?["status"] == "expired")
        }
    }

    @Test("400: member_email missing, of another type, or a body that is no JSON object")
    func badRequests() async throws {
        try await World.with { world async throws in
            let path = "/api/v2/vendor_report_export/vrc_123456"
            for body: JSONValue in [[:], ["member_email": 1], ["member_email": ""], [1, 2], "x"] {
                let answer = try await world.post(path, body)
                #expect(answer.status == 400)
                #expect(answer.json["status"] == 400)
                #expect(answer.message != nil)
                #expect(answer.data == nil)
            }
            #expect(try await world.call(path, "-d", "{\"member_email\":\"ops@example.com\"}").status == 400)
            #expect(try await world.trigger(["webhook_target_url": "not a url"]).status == 400)
            #expect(try await world.trigger(["show_unexpanded": "yes"]).status == 400)
        }
    }

    @Test("401: no credentials, wrong ones, or another scheme", arguments: ["pk_test:no", "no:sk_test", "pk_test:"])
    func credentials(user: String) async throws {
        try await World.with { world async throws in
            let answer = try await world.post(
                "/api/v2/vendor_report_export/vrc_123456", ["member_email": "ops@example.com"], user: user)
            #expect(answer.status == 401)
            #expect(answer.json["status"] == 401)
            #expect(try await world.open("/api/v2/webhooks").status == 401)
            #expect(try await world.open("/api/v2/webhooks", "-H", "authorization: Bearer sk_test").status == 401)
        }
    }

    @Test("403: a member without access, a report of another company, a report nobody has")
    func forbidden() async throws {
        try await World.with { world async throws in
            let stranger = try await world.trigger(member: "stranger@example.com")
            #expect(stranger.status == 403)
            let foreign = try await world.trigger("vrc_999999")
            #expect(foreign.status == 403)
            #expect(foreign.message != stranger.message)
            #expect(try await world.trigger("vrc_0").status == 403)
        }
    }

    @Test("404: an export nobody triggered, and a path the vendor does not have")
    func notFound() async throws {
        try await World.with { world async throws in
            let answer = try await world.status("vrex_none")
            #expect(answer.status == 404)
            #expect(answer.json["status"] == 404)
            #expect(try await world.call("/api/v2/nothing").json["status"] == 404)
        }
    }
}

extension World {
    func trigger(_ members: [String: JSONValue]) async throws -> Curl {
        try await trigger("vrc_123456", member: "ops@example.com", members)
    }

    func trigger(_ report: String, _ members: [String: JSONValue]) async throws -> Curl {
        try await trigger(report, member: "ops@example.com", members)
    }
}
