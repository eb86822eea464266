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

    @Test("whose Python takes what we sign, and refuses what was changed, is old, or is signed by others")
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
        let secret = SigningSecret.random()
        let body = #"{"id":"evt_1","name":"Zoë"}"#
        // Python looks at the real clock.
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
        let cases: JSONValue = [
            signed(at: now, [secret]), signed(at: now, [.random(), secret]), signed(at: now, [secret], changed: " "),
            signed(at: now, [.random()]), signed(at: now - 400, [secret]), signed(at: now + 400, [secret]),
        ]
        let (status, output) = try PythonTool("python").run(["-c", script], input: Data(cases.text.utf8))
        #expect(status == 0, "\(output)")
        #expect(output == "good\ngood\nbad\nbad\nbad\nbad\n")
    }
}
