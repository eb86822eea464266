import CausewayCore
import Fanout
import Foundation
import Support
import Testing

@Suite("Webhook signing")
struct WebhookSigningTests {
    struct Vector: Sendable {
        let secret: String, id: String, timestamp: Int64, payload: String, signature: String
    }

    /// Facts of the reference libraries' tests, and the corner cases of empty and non-ASCII bodies.
    static let vectors = [
        Vector(
            secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
            timestamp: 1_614_265_330, payload: #"{"test": 2432232314}"#,
            signature: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        Vector(
            secret: "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", id: "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
            timestamp: 1_649_367_553, payload: #"{"email":"test@example.com","username":"test_user"}"#,
            signature: "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="),
        Vector(
            secret: "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
            timestamp: 1_614_265_330, payload: #"{"test": 2432232314}"#,
            signature: "v1,78nXHjpFP0tVJQW5D0SBwmVyyW87BV/rL6MgfM/Bw44="),
        Vector(
            secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", id: "msg_utf8", timestamp: 1_700_000_000,
            payload: #"{"type":"export.completed","name":"Zoë – 日本語"}"#,
            signature: "v1,vVvsq/1VPwZzHsVQJX7rfD/TkRGuOj4okZohu5priLE="),
        Vector(
            secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", id: "msg_empty", timestamp: 1_700_000_000, payload: "",
            signature: "v1,LrOGikvEp3ovC4ipwU5sfXzzFy9SMN1tDL3jPPGtLmc="),
    ]

    private func verify(
        _ vector: Vector, secret: String? = nil, id: String? = nil, timestamp: String?? = .none,
        signature: String?? = .none, body: String? = nil, late: Duration = .zero
    ) throws {
        let secrets = SigningSecret(parsing: secret ?? vector.secret).map { [$0] } ?? []
        try WebhookSigning.verify(
            id: id ?? vector.id, timestamp: timestamp ?? String(vector.timestamp),
            signature: signature ?? vector.signature, body: Array((body ?? vector.payload).utf8), secrets: secrets,
            now: Timestamp(milliseconds: vector.timestamp * 1000) + late)
    }

    @Test("signs every vector of the reference libraries", arguments: vectors)
    func signs(vector: Vector) throws {
        let secret = try #require(SigningSecret(parsing: vector.secret))
        let signature = WebhookSigning.signature(
            id: vector.id, timestamp: vector.timestamp, body: Array(vector.payload.utf8), secrets: [secret])
        #expect(signature == vector.signature)
        try verify(vector)
    }

    @Test("every live secret signs, parted by a space")
    func severalSecrets() throws {
        let vector = Self.vectors[0]
        let secrets = try [vector.secret, Self.vectors[2].secret].map { try #require(SigningSecret(parsing: $0)) }
        let signature = WebhookSigning.signature(
            id: vector.id, timestamp: vector.timestamp, body: Array(vector.payload.utf8), secrets: secrets)
        #expect(signature == "\(vector.signature) \(Self.vectors[2].signature)")
        try verify(vector, signature: signature)
    }

    @Test("accepts the secret without its prefix, and a right signature among others")
    func accepts() throws {
        let vector = Self.vectors[0]
        try verify(vector, secret: String(vector.secret.dropFirst(6)))
        try verify(vector, signature: "v1,AAAA v1a,BBBB nonsense \(vector.signature)")
        try verify(vector, late: .seconds(299))
        try verify(vector, late: .seconds(-299))
    }

    @Test(
        "refuses signatures that are empty, cut short or made up",
        arguments: ["v1,", String(vectors[0].signature.prefix(8)), "v1,dawfeoifkpqwoekfpqoekf", "", " ", "v1"])
    func refusesSignature(signature: String) {
        #expect(throws: WebhookVerificationError.noMatchingSignature) {
            try verify(Self.vectors[0], signature: .some(signature))
        }
    }

    @Test("refuses another body, id, secret, and an empty secret")
    func refusesOther() {
        let vector = Self.vectors[0]
        let wrong = WebhookVerificationError.noMatchingSignature
        #expect(throws: wrong) { try verify(vector, body: "{}") }
        #expect(throws: wrong) { try verify(vector, id: "msg_other") }
        #expect(throws: wrong) { try verify(vector, secret: Self.vectors[1].secret) }
        #expect(throws: wrong) { try verify(vector, secret: "") }
        #expect(SigningSecret(parsing: "") == nil)
        #expect(SigningSecret(parsing: "whsec_") == nil)
    }

    @Test("refuses missing headers, and times that are none or more than five minutes off")
    func refusesTimes() {
        let vector = Self.vectors[0]
        #expect(throws: WebhookVerificationError.missingHeader("webhook-signature")) {
            try verify(vector, signature: .some(nil))
        }
        #expect(throws: WebhookVerificationError.missingHeader("webhook-timestamp")) {
            try verify(vector, timestamp: .some(nil))
        }
        #expect(throws: WebhookVerificationError.missingHeader("webhook-id")) { try verify(vector, id: "") }
        for text in ["now", "1614265330.5", "-1", "99999999999999999999", ""] {
            #expect(throws: WebhookVerificationError.invalidTimestamp) { try verify(vector, timestamp: .some(text)) }
        }
        #expect(throws: WebhookVerificationError.tooOld) { try verify(vector, late: .seconds(301)) }
        #expect(throws: WebhookVerificationError.tooNew) { try verify(vector, late: .seconds(-301)) }
    }

    @Test("secrets have 24 to 64 bytes", arguments: [23, 24, 64, 65])
    func sizes(count: Int) {
        let text = "whsec_" + Data(repeating: 7, count: count).base64EncodedString()
        #expect((SigningSecret(parsing: text) != nil) == (24...64).contains(count))
        #expect(SigningSecret.random() != SigningSecret.random())
    }

    @Test(
        "the reference Python library accepts our signature and refuses a changed body",
        .enabled(
            if: (try? python("import standardwebhooks")) == 0,
            "the Python module standardwebhooks is absent: deploy/bootstrap installs it"))
    func referenceLibrary() throws {
        let secret = SigningSecret.random()
        let body = #"{"id":"evt_1","name":"Zoë – 日本語"}"#
        // The library looks at the real clock.
        let timestamp = SystemTimeSource().now().milliseconds / 1000
        let signature = WebhookSigning.signature(
            id: "evt_1", timestamp: timestamp, body: Array(body.utf8), secrets: [.random(), secret])
        let script = """
            import sys
            from standardwebhooks.webhooks import Webhook
            secret, body, stamp, signature = sys.argv[1:]
            headers = {"webhook-id": "evt_1", "webhook-timestamp": stamp, "webhook-signature": signature}
            Webhook(secret).verify(body, headers)
            """
        #expect(try Self.python(script, [secret.text.reveal(), body, String(timestamp), signature]) == 0)
        #expect(try Self.python(script, [secret.text.reveal(), body + " ", String(timestamp), signature]) != 0)
    }

    /// Runs a script with the Python of `deploy/bootstrap`, or else the system's; returns its exit status.
    private static func python(_ script: String, _ arguments: [String] = []) throws -> Int32 {
        let own = FileManager.default.currentDirectoryPath + "/.build/python/bin/python"
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments =
            [FileManager.default.isExecutableFile(atPath: own) ? own : "python3", "-c", script] + arguments
        process.standardError = FileHandle.nullDevice
        try process.start()
        process.waitUntilExit()
        return process.terminationStatus
    }
}
