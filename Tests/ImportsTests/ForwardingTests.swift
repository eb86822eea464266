import CausewayCore
import FileStore
import Foundation
import HTTPTypes
import Storage
import Support
import Testing
import Vendor

@testable import Imports

@Suite("Forwarding an import", .onEveryEngine)
struct ForwardingTests {
    @Test("brings a good file to the importer byte for byte, tells it once, and removes the file")
    func byteForByte() async throws {
        try await ImportWorld.with { world async throws in
            let ended = try await world.working { try await world.ended(try await world.upload()) }
            #expect(ended.state == .completed)
            #expect(ended.forwardedRows == 2)
            #expect(ended.json["rows"]?["unprocessed"] == 0)
            #expect(ended.file.isNormalized == false)
            #expect(ended.chunks.first?.state == .forwarded)
            #expect(ended.chunks.first?.answer?["message"]?.string?.hasPrefix("File") == true)
            let arrived = try await world.arrived()
            #expect(arrived.count == 1)
            #expect(try await world.bytes(of: arrived.first) == ImportWorld.customers)
            #expect(try await world.events() == ["import.completed"])
            #expect(try world.fileNames() == [])
        }
    }

    @Test("of leads and partners carries group and invitations")
    func fields() async throws {
        try await ImportWorld.with { world async throws in
            try await world.working {
                let leads = "partner_key,email,first_name,last_name\np,a@example.com,J,K\n"
                let lead = try await world.ended(try await world.upload(leads, .leads) { $0.group = "grup_1" })
                #expect(lead.state == .completed)
                _ = try await world.ended(
                    try await world.upload("partner_key\np1\n", .partners) { $0.sendsInvites = true })
                let arrived = try await world.arrived()
                #expect(arrived.first?["group_key"] == "grup_1")
                #expect(arrived.last?["send_invite_emails"] == "true")
            }
        }
    }

    @Test(
        "whose answer was lost waits for a person, and is not sent again by itself",
        arguments: [
            ("drop_answer", [:]), ("close_before_body", [:]), ("close_in_body", [:]), ("not_json", [:]),
            ("truncated_json", [:]), ("cut_answer", [:]), ("status", ["status": 500, "processed": true]),
            ("status", ["status": 503]),
        ] as [(String, [String: JSONValue])])
    func lostAnswer(kind: String, more: [String: JSONValue]) async throws {
        try await ImportWorld.with { world async throws in
            try await world.working {
                try await world.fault(kind, more)
                let new = try await world.upload()
                let stuck = try await world.ended(new)
                #expect(stuck.state == .needsAttention)
                #expect(stuck.chunks.first?.state == .unknown)
                #expect(stuck.error?.code == "vendor_answer_lost")
                world.time.advance(by: .seconds(3600))
                await #expect(throws: ImportOperationError.self) { try await world.domain.operations.retry(new.id) }
                #expect(try await world.events() == ["import.needs_attention"])
                #expect(try world.fileNames() == ["\(new.id).csv"])
            }
            let seen = try await world.vendor(.get, "/simulator/requests")["import.customers"]
            #expect(seen == 1)
        }
    }

    @Test("found imported by a person is completed; found not imported it can be tried again")
    func resolving() async throws {
        try await ImportWorld.with { world async throws in
            try await world.working {
                let operations = world.domain.operations
                try await world.fault("drop_answer")
                let first = try await world.ended(try await world.upload())
                let resolved = try await operations.resolve(first.id, chunk: 1, as: .imported)
                #expect(resolved.state == .completed)
                #expect(resolved.forwardedRows == 2)
                #expect(try world.fileNames() == [])
                try await world.fault("close_in_body")
                let second = try await world.ended(try await world.upload("email\nc@example.com\n"))
                let failed = try await operations.resolve(second.id, chunk: 1, as: .notImported)
                #expect(failed.state == .failed)
                #expect(failed.chunks.first?.state == .resolved)
                _ = try await operations.retry(second.id)
                let ended = try await world.ended(second)
                #expect(ended.state == .completed)
                #expect(
                    try await world.events() == [
                        "import.needs_attention", "import.completed", "import.needs_attention", "import.failed",
                        "import.completed",
                    ])
            }
            #expect(try await world.arrived().count == 2)
        }
    }

    @Test("of partners without invitations is simply sent again; with invitations it is not")
    func resending() async throws {
        try await ImportWorld.with { world async throws in
            try await world.working {
                try await world.fault("drop_answer")
                let new = try await world.upload("partner_key\np1\n", .partners)
                let retried = try await world.until(new.id) { $0.error != nil }
                #expect(retried.state == .forwarding)
                world.time.advance(by: .seconds(60))
                #expect(try await world.ended(new).state == .completed)
                try await world.fault("drop_answer")
                let inviting = try await world.upload("partner_key\np2\n", .partners) { $0.sendsInvites = true }
                #expect(try await world.ended(inviting).state == .needsAttention)
            }
            #expect(try await world.arrived().count == 3)
        }
    }

    @Test(
        "that the vendor certainly did not take is sent again later, with its error to be seen meanwhile",
        arguments: [
            ("rate_limited", [:], "vendor_busy"), ("status", ["status": 401], "vendor_unauthorized"),
        ] as [(String, [String: JSONValue], String)])
    func notTaken(kind: String, more: [String: JSONValue], code: String) async throws {
        try await ImportWorld.with { world async throws in
            try await world.working {
                try await world.fault(kind, more)
                let new = try await world.upload()
                let waiting = try await world.until(new.id) { $0.error != nil }
                #expect(waiting.state == .forwarding)
                #expect(waiting.error?.code == code)
                #expect(waiting.chunks.first?.state == .pending)
                world.time.advance(by: .seconds(3600))
                let ended = try await world.ended(new)
                #expect(ended.state == .completed)
                #expect(ended.error == nil)
            }
            #expect(try await world.arrived().count == 1)
            #expect(try await world.events() == ["import.completed"])
        }
    }

    @Test("to a vendor that cannot be reached is tried again, and can be cancelled")
    func unreachable() async throws {
        try await ImportWorld.with(vendorURL: "http://127.0.0.1:9") { world async throws in
            try await world.working {
                let new = try await world.upload()
                let waiting = try await world.until(new.id) { $0.error != nil }
                #expect(waiting.state == .forwarding)
                #expect(waiting.error?.code == "vendor_unreachable")
                world.time.advance(by: .seconds(3600))
                let again = try await world.until(new.id) {
                    $0.chunks[0].attempts == 2 && $0.chunks[0].state == .pending
                }
                #expect(again.state == .forwarding)
                let cancelled = try await world.domain.operations.cancel(new.id)
                #expect(cancelled.state == .cancelled)
                #expect(try world.fileNames() == [])
            }
        }
    }

    @Test("that the vendor refuses has failed with its words, and can be tried again")
    func refused() async throws {
        try await ImportWorld.with { world async throws in
            try await world.working {
                try await world.fault("status", ["status": 400, "message": "Invalid headers"])
                let new = try await world.upload()
                let failed = try await world.ended(new)
                #expect(failed.state == .failed)
                #expect(failed.error?.code == "vendor_bad_request")
                #expect(failed.error?.message.contains("Invalid headers") == true)
                #expect(failed.chunks.first?.state == .failed)
                #expect(try world.fileNames() == ["\(new.id).csv"])
                // Nothing went out, so the same may be sent anew; then the first cannot go out as well.
                let second = try await world.ended(try await world.upload())
                #expect(second.state == .completed)
                await #expect(throws: ImportOperationError.self) { try await world.domain.operations.retry(new.id) }
            }
            #expect(try await world.arrived().count == 1)
            #expect(try await world.events() == ["import.failed", "import.completed"])
        }
    }

    @Test("cut short by a crash after it was written down as going out waits for a person")
    func crash() async throws {
        try await ImportWorld.with { world async throws in
            let new = try await world.upload()
            // What a process leaves that dies between sending and recording.
            try await world.database.engine.write { transaction in
                let store = ImportStore()
                guard let before = try store.find(new.id, in: transaction) else { return }
                var found = before
                _ = found.takeUp(at: world.time.now())
                try store.update(found, from: before, in: transaction)
            }
            try await world.domain.start()
            let stuck = try await world.working { try await world.ended(new) }
            #expect(stuck.state == .needsAttention)
            #expect(try await world.arrived().isEmpty)
            #expect(try await world.events() == ["import.needs_attention"])
        }
    }

    @Test("whose file is gone has failed, and says so", .only(on: .sqlite))
    func fileGone() async throws {
        try await ImportWorld.with { world async throws in
            let new = try await world.upload()
            world.files.remove("\(new.id).csv")
            let failed = try await world.working { try await world.ended(new) }
            #expect(failed.state == .failed)
            #expect(failed.error?.code == "file_lost")
        }
    }

    @Test(
        "rewrites what the importer cannot read as it came",
        arguments: [
            "\u{FEFF}email,name\na@example.com,A\n", "email;name\na@example.com;A\n", "email,name\ra@example.com,A\r",
            "EMAIL, Name\na@example.com,A\n", "\nemail,name\na@example.com,A", "email\tname\na@example.com\t\"A\"\n",
            "sep=;\r\nemail;name\r\na@example.com;A\r\n",
        ])
    func normalized(csv: String) async throws {
        try await ImportWorld.with { world async throws in
            let ended = try await world.working { try await world.ended(try await world.upload(csv)) }
            #expect(ended.state == .completed)
            #expect(ended.json["normalized"] == true)
            #expect(ended.file.sha256 == Digest.sha256Hex(csv))
            let arrived = try await world.arrived()
            #expect(try await world.bytes(of: arrived.first) == "email,name\na@example.com,A\n")
            #expect(arrived.first?["imported"] == 1)
            #expect(try world.fileNames() == [])
        }
    }

    @Test("arrives in UTF-8, whatever it was written in")
    func encodings() async throws {
        let text = "email,name\na@example.com,Zoë\n"
        let written: [(Data?, String?, String)] = [
            (("\u{FEFF}" + text).data(using: .utf16LittleEndian), nil, "utf-16le"),
            (text.data(using: .utf16BigEndian), nil, "utf-16be"),
            (text.data(using: .windowsCP1252), "iso-8859-1", "windows-1252"),
        ]
        for (data, charset, encoding) in written {
            let bytes = Array(try #require(data))
            try await ImportWorld.with { world async throws in
                let ended = try await world.working {
                    try await world.ended(try await world.upload(bytes: bytes) { $0.charset = charset })
                }
                #expect(ended.state == .completed)
                #expect(ended.json["encoding"]?.string == encoding)
                #expect(ended.json["normalized"] == true)
                #expect(ended.file.size == Int64(bytes.count))
                #expect(try await world.bytes(of: world.arrived().first) == text)
            }
        }
    }

    @Test("leaves out rows of nothing but delimiters and stays as it is otherwise")
    func blankRows() async throws {
        try await ImportWorld.with { world async throws in
            let csv = "email,name\r\na@example.com,\"A\"\r\n,\r\n,\r\n"
            let ended = try await world.working { try await world.ended(try await world.upload(csv)) }
            #expect(ended.state == .completed)
            #expect(ended.rows == ImportRowCounts(total: 1, valid: 1))
            #expect(ended.json["normalized"] == true && ended.json["blank_rows"] == 2)
            #expect(
                ImportReport.text(of: ended, at: .file("")).contains("Passed over: 2 rows of nothing but delimiters."))
            #expect(try await world.bytes(of: world.arrived().first) == "email,name\r\na@example.com,\"A\"\r\n")
        }
    }

    @Test("is told of a dry run: whether the file would go out as it came")
    func dryRun() async throws {
        try await ImportWorld.with { world async throws in
            for (csv, isNormalized) in [
                ("email,name\na@example.com,A\n", false), ("email;name\na@example.com;A\n", true),
                ("email,name\na@example.com,A\n,\n", true), ("email;name\na@;A\nb@example.com;B\n", true),
            ] {
                let checked = try await world.upload(csv) { $0.mode = .dryRun }
                #expect(checked.state == .validated && checked.json["normalized"] == .bool(isNormalized), "\(csv)")
            }
            #expect(try await world.upload("email;name\na@;A\n").json["normalized"] == false)
        }
    }

    @Test("in the mode valid_rows brings the header and the good rows, byte for byte")
    func validRows() async throws {
        try await ImportWorld.with { world async throws in
            let csv = "email,name\r\na@example.com,\"A\"\r\nx@,B\r\nb@example.com,\"B\nb\"\nc@example.com,C"
            let ended = try await world.working {
                try await world.ended(try await world.upload(csv) { $0.mode = .validRows })
            }
            #expect(ended.state == .completed)
            #expect(
                ended.json["rows"] == ["total": 4, "valid": 3, "invalid": 1, "forwarded": 3, "unprocessed": 0])
            #expect(ended.json["normalized"] == false)
            let arrived = try await world.arrived()
            #expect(
                try await world.bytes(of: arrived.first)
                    == "email,name\r\na@example.com,\"A\"\r\nb@example.com,\"B\nb\"\nc@example.com,C")
        }
    }
}
