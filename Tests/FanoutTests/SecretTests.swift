import CausewayCore
import Crypto
import Events
import Foundation
import Storage
import Support
import Testing

@testable import Fanout

@Suite("Secrets of subscriptions", .onEveryEngine, .timeLimit(.minutes(9)))
struct SecretTests {
    private func key(_ byte: UInt8) throws -> SecretVault.Key {
        try #require(SecretVault.Key(parsing: Data(repeating: byte, count: 32).base64EncodedString()))
    }

    private func operations(_ house: FanoutHouse, _ vault: SecretVault) -> SubscriptionOperations {
        SubscriptionOperations(engine: house.storage, time: house.time, egress: house.egress, vault: vault)
    }

    private func stored(_ house: FanoutHouse) async throws -> [String] {
        try await house.storage.read { transaction in
            try transaction.rows("SELECT secrets, headers FROM subscription ORDER BY number").flatMap {
                [try $0["secrets"], try $0["headers"]] as [String]
            }
        }
    }

    @Test("`v1a` signs besides `v1`, and the public key that is shown verifies it")
    func asymmetric() async throws {
        let house = try await FanoutHouse()
        try await Sink.run { sink in
            let made = try await house.subscribe(["url": .string(sink.url), "signatures": ["v1", "v1a"]])
            let publicText = try #require(made.json["public_key"]?.string)
            #expect(!made.jsonWithSecret.text.contains("whsk_"))
            try await house.running(house.engine()) {
                try await house.publish()
                try await house.until { try await house.only().state == .delivered }
            }
            let request = try #require(sink.requests.first)
            try request.verify(with: made.secret?.reveal() ?? "", now: house.time.now())
            let signatures = try #require(request["webhook-signature"]).split(separator: " ")
            #expect(signatures.map { $0.prefix(4) } == [signatures[0].prefix(4), "v1a,"])
            let bytes = try #require(Data(base64Encoded: String(publicText.dropFirst(5))))
            let publicKey = try Curve25519.Signing.PublicKey(rawRepresentation: bytes)
            let signature = try #require(Data(base64Encoded: String(signatures[1].dropFirst(4))))
            let content = Data("\(request.id ?? "").\(request["webhook-timestamp"] ?? "").".utf8) + request.body
            #expect(publicText.hasPrefix("whpk_"))
            #expect(publicKey.isValidSignature(signature, for: content))
        }
    }

    @Test("a rotated secret signs on beside the new one until the grace is over")
    func rotation() async throws {
        let house = try await FanoutHouse()
        try await Sink.run { sink in
            let made = try await house.subscribe(["url": .string(sink.url)])
            let rotated = try await house.subscriptions.rotateSecret(made.id, ["grace": 60]) { _, _ in }
            let (old, new) = (made.secret?.reveal() ?? "", rotated.secret?.reveal() ?? "")
            #expect(old != new)
            try await house.running(house.engine()) {
                try await house.publish()
                try await house.until { try await house.all().allSatisfy { $0.state == .delivered } }
                for secret in [old, new] { try sink.requests[0].verify(with: secret, now: house.time.now()) }
                house.time.advance(by: .seconds(60))
                try await house.publish("export.completed", "exp_2")
                try await house.until { try await house.all().allSatisfy { $0.state == .delivered } }
                try sink.requests[1].verify(with: new, now: house.time.now())
                #expect(throws: WebhookVerificationError.noMatchingSignature) {
                    try sink.requests[1].verify(with: old, now: house.time.now())
                }
            }
        }
    }

    @Test("five secrets sign at once at most, and a grace of nothing ends all older ones")
    func manyRotations() async throws {
        let house = try await FanoutHouse()
        let made = try await house.subscribe(["url": "https://team.example/"])
        for _ in 0..<4 { _ = try await house.subscriptions.rotateSecret(made.id, [:]) { _, _ in } }
        await #expect(throws: FanoutError.tooManySecrets(until: house.time.now() + .seconds(86_400))) {
            _ = try await house.subscriptions.rotateSecret(made.id, [:]) { _, _ in }
        }
        let alone = try await house.subscriptions.rotateSecret(made.id, ["grace": 0]) { _, _ in }
        #expect(alone.terms.secrets.count == 1)
        for body in [["grace": -1], ["grace": "1d"], ["grace": 2_592_001], ["secret": "x"], ["gracee": 1]]
            as [JSONValue]
        {
            await #expect(throws: FanoutError.self) {
                _ = try await house.subscriptions.rotateSecret(made.id, body) { _, _ in }
            }
        }
    }

    @Test("with a key, neither secret nor header values stand in the store, and webhooks are signed as ever")
    func sealed() async throws {
        let house = try await FanoutHouse()
        let vault = SecretVault(current: try key(7))
        try await Sink.run { sink in
            let made = try await operations(house, vault).create([
                "url": .string(sink.url), "headers": ["Authorization": "Bearer t0psecret"],
            ]) { _, _ in }
            let secret = try #require(made.secret?.reveal())
            let text = try await stored(house)
            #expect(text.allSatisfy { $0.hasPrefix("v1.") && !$0.contains(secret) && !$0.contains("t0psecret") })
            #expect(try await operations(house, vault).subscription(made.id).secret?.reveal() == secret)
            try await house.running(house.engine(vault: vault)) {
                try await house.publish()
                try await house.until { try await house.only().state == .delivered }
            }
            try sink.requests[0].verify(with: secret, now: house.time.now())
            #expect(sink.requests[0]["authorization"] == "Bearer t0psecret")
        }
    }

    @Test("what stood in clear is read, and sealed by the next start; so is what an earlier key sealed")
    func bringsUp() async throws {
        let house = try await FanoutHouse()
        let made = try await house.subscribe(["url": "https://team.example/", "headers": ["X": "y"]])
        let first = SecretVault(current: try key(1))
        #expect(try await operations(house, first).subscription(made.id).terms == made.terms)
        try await SecretSealing(engine: house.storage, vault: first, logger: house.logger).bringUp()
        let sealedFirst = try await stored(house)
        #expect(sealedFirst.allSatisfy { $0.hasPrefix("v1.") })

        let second = SecretVault(current: try key(2), previous: [try key(1)])
        let sealing = SecretSealing(engine: house.storage, vault: second, logger: house.logger)
        try await sealing.check()
        try await sealing.bringUp()
        #expect(try await stored(house) != sealedFirst)
        #expect(try await operations(house, SecretVault(current: try key(2))).subscription(made.id).terms == made.terms)
    }

    @Test("a wrong key is told at the start; of what it does not open nothing is lost, and it can be given anew")
    func wrongKey() async throws {
        let house = try await FanoutHouse()
        let right = SecretVault(current: try key(1))
        let made = try await operations(house, right).create([
            "url": "https://team.example/", "headers": ["Authorization": "Bearer t0psecret"],
        ]) { _, _ in }
        let wrong = SecretVault(current: try key(2))
        await #expect(throws: SecretSealing.KeyMissing(keyID: try key(1).id)) {
            try await SecretSealing(engine: house.storage, vault: wrong, logger: house.logger).check()
        }
        let operations = operations(house, wrong)
        #expect(try await operations.subscription(made.id).isSealed)
        let changed = try await operations.update(made.id, ["description": "x"]) { _, _ in }
        #expect(changed.isSealed)
        // Neither without the other, which could only be lost.
        let secret = JSONValue.string(SigningSecret.random().text.reveal())
        for body in [["headers": ["X": "y"]], ["headers": [:]], ["secret": secret], ["signatures": ["v1", "v1a"]]]
            as [JSONValue]
        {
            await #expect(throws: FanoutError.secretSealed, "\(body)") {
                _ = try await operations.update(made.id, body) { _, _ in }
            }
        }
        await #expect(throws: FanoutError.secretSealed) {
            _ = try await operations.rotateSecret(made.id, [:]) { _, _ in }
        }
        let kept = try await self.operations(house, right).subscription(made.id).terms
        #expect(kept.secrets == made.terms.secrets)
        #expect(kept.headers == ["Authorization": "Bearer t0psecret"])
        let anew = try await operations.update(made.id, ["secret": secret, "headers": ["X": "y"]]) { _, _ in }
        #expect(!anew.isSealed)
        #expect(anew.terms.headers == ["X": "y"])
    }

    @Test("a sealed text opens for its owner alone, and not where a byte was changed")
    func binding() throws {
        let vault = SecretVault(current: try key(1))
        let sealed = try vault.seal("text", of: "sub_1", "secrets")
        #expect(vault.open(sealed, of: "sub_1", "secrets") == "text")
        #expect(vault.open(sealed, of: "sub_2", "secrets") == nil)
        #expect(vault.open(sealed, of: "sub_1", "headers") == nil)
        #expect(vault.open(sealed.dropLast(6) + "AAAAAA", of: "sub_1", "secrets") == nil)
        let hexadecimal = String(repeating: "01", count: 32)
        #expect(SecretVault.Key(parsing: hexadecimal)?.id == (try key(1).id))
        for text in ["", "short", hexadecimal.dropLast() + "g", "AAAA"] as [String] {
            #expect(SecretVault.Key(parsing: text) == nil)
        }
    }
}
