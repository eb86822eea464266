import CausewayCore
import Foundation
import Testing

private enum ThingKind: IdentifierKind { static let prefix = "thg" }
private typealias ThingID = Identifier<ThingKind>

@Suite("The vocabulary")
struct VocabularyTests {
    @Test("orders identifiers by the time of their making and reads only its own kind")
    func identifiers() {
        let early = ThingID(at: Timestamp(milliseconds: 1_700_000_000_000))
        let late = ThingID(at: Timestamp(milliseconds: 1_700_000_000_001))
        #expect(early.text < late.text)
        #expect(early.text.count == 30)
        #expect(ThingID(parsing: early.text) == early)
        for wrong in [
            "", "thg_", "exp_" + early.text.dropFirst(4), early.text + "0", "thg_" + String(repeating: "u", count: 26),
        ] {
            #expect(ThingID(parsing: wrong) == nil)
        }
    }

    @Test("derives the same identifier from the same parts, and another from parts cut differently")
    func derivedIdentifiers() {
        #expect(ThingID(derivedFrom: ["a", "bc"]) == ThingID(derivedFrom: ["a", "bc"]))
        #expect(ThingID(derivedFrom: ["a", "bc"]) != ThingID(derivedFrom: ["ab", "c"]))
    }

    @Test("never shows a secret by accident")
    func secrets() {
        let secret = Secret("hunter2")
        var dumped = ""
        dump(secret, to: &dumped)
        for text in ["\(secret)", String(reflecting: secret), dumped, "\([secret])"] {
            #expect(!text.contains("hunter2"))
        }
        #expect(secret.matches("hunter2"))
        #expect(!secret.matches("hunter3"))
        #expect(!secret.matches("hunter22"))
    }

    @Test("reads durations, sizes and schedules as people write them, and nothing else")
    func quantities() {
        #expect(DurationText.parse("90s") == .seconds(90))
        #expect(DurationText.parse("2h") == .seconds(7200))
        #expect(DurationText.parse("250ms") == .milliseconds(250))
        for wrong in ["", "5", "s", "-5s", "5 s", "5w", "1.5s", "99999999999999999999s"] {
            #expect(DurationText.parse(wrong) == nil)
        }
        #expect(ByteSizeText.parse("2GiB") == 2_147_483_648)
        #expect(ByteSizeText.parse("512") == 512)
        for wrong in ["", "GiB", "1TiB", "-1", "9223372036854775807GiB"] {
            #expect(ByteSizeText.parse(wrong) == nil)
        }
        let schedule = RetrySchedule(parsing: "5s, 30s,2m")
        #expect(schedule?.intervals == [.seconds(5), .seconds(30), .seconds(120)])
        #expect(schedule?.text == "5s,30s,2m")
        #expect(schedule?.delay(afterAttempt: 3) == .seconds(120))
        #expect(schedule?.delay(afterAttempt: 4) == nil)
        #expect(RetrySchedule(parsing: "5s,,") == nil)
    }

    @Test("passes any JSON through whole, with members in one order")
    func json() throws {
        let text = #"{"a":[1,2.5,null,true,"é/\n"],"b":{"big":9007199254740993},"c":-1}"#
        #expect(try JSONValue(parsing: text).text == text)
        #expect(throws: DecodingError.self) { try JSONValue(parsing: "{\"a\":") }
    }

    @Test("refuses JSON nested so deeply that reading it would take long")
    func deepJSON() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(try JSONValue(parsing: nested(64)).array != nil)
        #expect(throws: DecodingError.self) { try JSONValue(parsing: nested(65)) }
        let brackets = String(repeating: "[{", count: 100)
        #expect(try JSONValue(parsing: "\"\\\"\(brackets)\"").string == "\"\(brackets)")
    }

    @Test("writes URL-safe base 64 without padding and reads it back")
    func base64() {
        let bytes: [UInt8] = [0xFB, 0xFF, 0xFE, 0]
        #expect(Base64URL.encode(bytes) == "-__-AA")
        #expect(Base64URL.decode("-__-AA").map(Array.init) == bytes)
    }
}
