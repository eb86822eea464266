import CausewayCore
import Foundation
import Glibc
import Support
import Testing

@Suite("causeway import")
struct ImportCommandTests {
    private static let good = "email,name\na@example.com,A\n"

    private func start(
        _ stage: Stage, _ arguments: [String], key: String = GatewayProcess.adminKey, url: String? = nil
    ) throws -> ChildProcess {
        try ChildProcess(
            ["import"] + arguments,
            environment: ["CAUSEWAY_URL": url ?? stage.gateway.url, "CAUSEWAY_KEY": key], in: stage.directory.path)
    }

    private func run(
        _ stage: Stage, _ arguments: [String], key: String = GatewayProcess.adminKey, url: String? = nil
    ) async throws -> (status: Int32, text: String) {
        let child = try start(stage, arguments, key: key, url: url)
        return (try await child.exit(), child.text)
    }

    private func write(_ stage: Stage, _ name: String, _ text: String) throws {
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
                ["good.csv", "--object", "customers", "--url", "ftp://x"],
            ] {
                #expect(try await run(stage, arguments).status == 2, "\(arguments)")
            }
            let refused = try await run(stage, ["good.csv", "--object", "customers"], key: "cwy_wrong")
            #expect(refused.status == 1 && refused.text.contains("401"), "\(refused.text)")
            let group = try await run(stage, ["good.csv", "--object", "leads"])
            #expect(group.status == 1 && group.text.contains("group"), "\(group.text)")
            let nobody = "http://127.0.0.1:\(try FreePort.any())"
            let away = try await run(
                stage, ["good.csv", "--object", "customers", "--retry-for", "1s"], url: nobody)
            #expect(away.status == 1 && away.text.contains("cannot be reached"), "\(away.text)")
        }
    }

    @Test("where the answer is lost it says so, finds the import by its hash and follows it, and nothing is doubled")
    func lostAnswer() async throws {
        try await Stage.run { stage in
            try write(stage, "good.csv", Self.good)
            // The first answer behind the upload is dropped on the way back.
            let isLost = Watched(false)
            let isSent = Watched(false)
            let proxy = try LoopbackProxy(to: URL(string: stage.gateway.url)?.port ?? 0) {
                { side, bytes in
                    if side == .client, bytes.starts(with: Array("PUT ".utf8)) { isSent.change { $0 = true } }
                    guard side == .server, isSent.value, !isLost.value else { return .pass }
                    isLost.change { $0 = true }
                    return .cut
                }
            }
            defer { proxy.end() }
            let (status, text) = try await run(
                stage, ["good.csv", "--object", "customers"], url: "http://127.0.0.1:\(proxy.port)")
            #expect(status == 0, "\(text)")
            #expect(isLost.value && text.contains("the import may exist"), "\(text)")
            #expect(text.contains("taken by PartnerStack's importer"), "\(text)")
            #expect(try await stage.simulator.get("/simulator/imports").data.count == 1)
        }
    }

    @Test("stopped by Ctrl-C while it waits, it says that the import goes on and how to follow it")
    func stopped() async throws {
        try await Stage.run(settings: ["CAUSEWAY_VENDOR_URL": "http://127.0.0.1:9"]) { stage in
            try write(stage, "good.csv", Self.good)
            let isWaiting = Watched(false)
            let proxy = try LoopbackProxy(to: URL(string: stage.gateway.url)?.port ?? 0) {
                { side, bytes in
                    let text = String(decoding: bytes, as: UTF8.self)
                    if side == .client, text.hasPrefix("GET /v1/imports/imp_") { isWaiting.change { $0 = true } }
                    return .pass
                }
            }
            defer { proxy.end() }
            let child = try start(
                stage, ["good.csv", "--object", "customers"], url: "http://127.0.0.1:\(proxy.port)")
            _ = try await isWaiting.first("the command waiting") { $0 ? () : nil }
            child.signal(SIGINT)
            #expect(try await child.exit() == 1)
            #expect(child.text.contains("Stopped. The import goes on: GET http://127.0.0.1:"), "\(child.text)")
            #expect(child.text.contains("/v1/imports/imp_"), "\(child.text)")
        }
    }
}
