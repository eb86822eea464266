import CausewayCore
import Foundation
import Support
import Testing

@Suite("causeway import")
struct ImportCommandTests {
    static let good = "email,name\na@example.com,A\n"

    func start(
        _ stage: Stage, _ arguments: [String], key: String = GatewayProcess.adminKey, url: String? = nil
    ) throws -> ChildProcess {
        try ChildProcess(
            ["import"] + arguments,
            environment: ["CAUSEWAY_URL": url ?? stage.gateway.url, "CAUSEWAY_KEY": key], in: stage.directory.path)
    }

    func run(
        _ stage: Stage, _ arguments: [String], key: String = GatewayProcess.adminKey, url: String? = nil
    ) async throws -> (status: Int32, text: String) {
        let child = try start(stage, arguments, key: key, url: url)
        return (try await child.exit(), child.text)
    }

    func write(_ stage: Stage, _ name: String, _ text: String) throws {
        try text.write(toFile: stage.directory.file(name), atomically: true, encoding: .utf8)
    }

    @Test("sends a good file, waits for its end and prints the report; a bad one and a second time end with 1")
    func way() async throws {
        try await Stage.run { stage in
            try write(stage, "good file.csv", Self.good)
            let good = try await run(stage, ["good file.csv", "--object", "customers"])
            #expect(good.status == 0, "\(good.text)")
            #expect(good.text.hasPrefix("good file.csv: 1 of 1 row taken by PartnerStack's importer."), "\(good.text)")
            #expect(try await stage.simulator.get("/simulator/imports").data.count == 1)

            let again = try await run(stage, ["good file.csv", "--object", "customers"])
            #expect(again.status == 1 && again.text.contains("duplicate_import"), "\(again.text)")
            let forced = try await run(stage, ["good file.csv", "--object", "customers", "--force", "--json"])
            #expect(forced.status == 0, "\(forced.text)")
            #expect(try JSONValue(parsing: forced.text)["state"] == "completed")

            try write(stage, "bad.csv", "email,name\nb@example.com,B\nx@,B\n")
            let bad = try await run(stage, ["bad.csv", "--object", "customers"])
            #expect(bad.status == 1 && bad.text.contains("invalid_email"), "\(bad.text)")
            #expect(try await run(stage, ["bad.csv", "--object", "customers", "--dry-run"]).status == 1)
            let some = try await run(stage, ["bad.csv", "--object", "customers", "--mode", "valid_rows"])
            #expect(some.text.contains("rejected.csv?annotate=true"), "\(some.text)")

            let held = try await run(stage, ["good file.csv", "--object", "customers", "--force", "--approval"])
            #expect(held.status == 0 && held.text.contains("wait for another key's approval"), "\(held.text)")
        }
    }

    @Test("ends with 2 where it is called wrongly, with 1 where no gateway answers or the key is wrong")
    func wrong() async throws {
        try await Stage.run { stage in
            try write(stage, "good.csv", Self.good)
            for arguments in [
                ["good.csv"], ["none.csv", "--object", "customers"], ["good.csv", "--object", "customer"],
                ["good.csv", "--object", "customers", "--retry-for", "long"],
                ["good.csv", "--object", "customers", "--url", "ftp://x"], ["good.csv", "--object", "leads"],
                ["good.csv", "--object", "customers", "--group", "eu"], [".", "--object", "customers"],
                ["good.csv", "--object", "customers", "--send-invites"],
            ] {
                #expect(try await run(stage, arguments).status == 2, "\(arguments)")
            }
            let refused = try await run(stage, ["good.csv", "--object", "customers"], key: "cwy_wrong")
            #expect(refused.status == 1 && refused.text.contains("401"), "\(refused.text)")
            let nobody = "http://127.0.0.1:\(try FreePort.any())"
            let away = try await run(
                stage, ["good.csv", "--object", "customers", "--retry-for", "1s"], url: nobody)
            #expect(away.status == 1 && away.text.contains("cannot be reached"), "\(away.text)")
        }
    }

    @Test("waits for a gateway that still reads through what came before the break")
    func busy() async throws {
        let directory = try TemporaryDirectory()
        let looks = Watched(0)
        let peer = try Peer { connection in
            let request = try connection.readRequest()
            switch String(request.line.prefix { $0 != " " }) {
            case "POST": try connection.answer("201 Created", headers: "Location: /v1/uploads/upl_1\r\n")
            case "HEAD":
                looks.change { $0 += 1 }
                // Nobody gets the body of an answer to HEAD.
                try connection.send(
                    looks.value < 2
                        ? "HTTP/1.1 409 Conflict\r\nContent-Type: application/problem+json\r\n\r\n"
                        : "HTTP/1.1 204 No Content\r\nUpload-Offset: 27\r\nUpload-Complete: ?1\r\n\r\n")
            case "PATCH" where looks.value == 0: return
            case "PATCH": try connection.answer("202 Accepted", body: #"{"id":"imp_1","state":"completed"}"#)
            default: try connection.answer(body: "taken")
            }
        }
        let path = directory.file("good.csv")
        try Self.good.write(toFile: path, atomically: true, encoding: .utf8)
        let child = try ChildProcess(
            ["import", path, "--object", "customers"],
            environment: ["CAUSEWAY_URL": "http://127.0.0.1:\(peer.port)", "CAUSEWAY_KEY": "key"], in: directory.path)
        #expect(try await child.exit() == 0, "\(child.text)")
        #expect(looks.value == 2 && child.text.hasSuffix("taken"), "\(child.text)")
    }

    @Test("needs imports:write alone: it tells the import and its report, and does not wait for the end")
    func writeOnly() async throws {
        try await Stage.run { stage in
            let made = try await stage.gateway.post(
                "/v1/keys", ["name": "sender", "scopes": ["imports:write:customers"]])
            let key = try #require(made["key"]?.string)
            try write(stage, "good.csv", Self.good)
            let good = try await run(stage, ["good.csv", "--object", "customers"], key: key)
            #expect(good.status == 0 && good.text.contains("(scope imports:read). The import is imp_"), "\(good.text)")
            #expect(good.text.contains("good.csv: 1"), "\(good.text)")
            let again = try await run(stage, ["good.csv", "--object", "customers"], key: key)
            #expect(again.status == 1 && again.text.contains("duplicate_import"), "\(again.text)")
            try write(stage, "bad.csv", "email\nx@\n")
            let bad = try await run(stage, ["bad.csv", "--object", "customers"], key: key)
            #expect(bad.status == 1 && bad.text.contains("invalid_email"), "\(bad.text)")
            let other = try await run(stage, ["good.csv", "--object", "partners"], key: key)
            #expect(other.status == 1 && other.text.contains("403"), "\(other.text)")
        }
    }

    @Test("takes a pipe, whose bytes lie under no name meanwhile")
    func pipe() async throws {
        try await Stage.run { stage in
            let file = try UploadFile.rows(1000, "customers", in: stage.directory)
            let folder = stage.directory.file("temporary")
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            for (name, redirection) in [("-", "< customers.csv"), ("/dev/fd/3", "3< <(cat customers.csv)")] {
                let child = try ChildProcess(
                    ["import", name, "--object", "customers", "--force"],
                    under: ["/bin/bash", "-c", "exec \"$@\" \(redirection)", "bash"],
                    environment: [
                        "CAUSEWAY_URL": stage.gateway.url, "CAUSEWAY_KEY": GatewayProcess.adminKey, "TMPDIR": folder,
                        "PATH": "/usr/bin:/bin",
                    ], in: stage.directory.path)
                #expect(try await child.exit() == 0, "\(child.text)")
                #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
            }
            let arrived = try await stage.simulator.get("/simulator/imports").data
            #expect(arrived.map { $0["sha256"]?.string } == [file.sha256, file.sha256])
        }
    }
}
