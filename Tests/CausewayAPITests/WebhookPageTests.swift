import CausewayCore
import Fanout
import Foundation
import Testing

@Suite("openapi/webhooks.md")
struct WebhookPageTests {
    /// The code of the page in one language.
    private func code(_ language: String) throws -> String {
        let page = String(decoding: try Checkout.data("openapi/webhooks.md"), as: UTF8.self)
        let parts = page.components(separatedBy: "```\(language)\n")
        #expect(parts.count == 2, "\(language)")
        return try #require(parts.last?.components(separatedBy: "```").first)
    }

    @Test("has code in four languages", arguments: ["swift", "python", "typescript", "go"])
    func languages(_ language: String) throws {
        let code = try code(language)
        for word in ["webhook-id", "webhook-timestamp", "webhook-signature", "whsec_", "v1"] {
            #expect(code.contains(word), "\(language): \(word)")
        }
    }

    /// What its code is tried with, and what it must say of each.
    private struct Trial {
        let cases: JSONValue
        let verdicts = "good\ngood\nbad\nbad\nbad\nbad\nbad\n"

        init() {
            let secret = SigningSecret.random()
            let body = #"{"id":"evt_1","name":"Zoë"}"#
            // The page's code looks at the real clock.
            let now = SystemTimeSource().now().milliseconds / 1000
            func signed(at time: Int64, _ secrets: [SigningSecret], changed: String = "") -> JSONValue {
                let signature = WebhookSigning.signature(
                    id: "evt_1", timestamp: time, body: Array(body.utf8), secrets: secrets)
                return [
                    "secret": .string(secret.text.reveal()), "body": .string(body + changed),
                    "headers": [
                        "webhook-id": "evt_1", "webhook-timestamp": .string(String(time)),
                        "webhook-signature": .string("v1a,AAAA \(signature)"),
                    ],
                ]
            }
            cases = [
                signed(at: now, [secret]), signed(at: now, [.random(), secret]),
                signed(at: now, [secret], changed: " "), signed(at: now, [.random()]),
                signed(at: now - 400, [secret]), signed(at: now + 400, [secret]),
                ["secret": .string(secret.text.reveal()), "body": .string(body), "headers": [:]],
            ]
        }
    }

    @Test("whose Python takes what we sign, and refuses what was changed, is old, or is signed by others or by nobody")
    func python() throws {
        let script =
            try code("python") + """


                import json, sys
                for case in json.load(sys.stdin):
                    try:
                        verify(case["secret"], case["headers"], case["body"].encode())
                        print("good")
                    except ValueError as error:
                        print("bad")
                """
        let trial = Trial()
        let (status, output) = try Tool(python: "python").run(["-c", script], input: Data(trial.cases.text.utf8))
        #expect(status == 0, "\(output)")
        #expect(output == trial.verdicts)
    }

    private static let node = "/usr/bin/node"

    @Test(
        "whose TypeScript, its types left out, does the same",
        .enabled(if: FileManager.default.isExecutableFile(atPath: node), "needs node"))
    func typescript() throws {
        // Types stand behind the parameters of one function alone.
        let plain = try code("typescript").replacing(/: (string|Buffer|void|Record<string, string>)(?=[,) ])/, with: "")
        let script =
            plain + """

                import { readFileSync } from "node:fs";
                for (const { secret, headers, body } of JSON.parse(readFileSync(0, "utf8"))) {
                  try { verify(secret, headers, Buffer.from(body)); console.log("good"); } catch { console.log("bad"); }
                }
                """
        let trial = Trial()
        let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).mjs")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(script.utf8).write(to: file)
        let tool = Tool(path: Self.node)
        let (status, output) = try tool.run([file.path()], input: Data(trial.cases.text.utf8))
        #expect(status == 0, "\(output)")
        #expect(output == trial.verdicts)
    }
}
