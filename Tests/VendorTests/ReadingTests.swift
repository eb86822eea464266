import CausewayCore
import Foundation
import Support
import Synchronization
import Testing

@testable import Vendor

@Suite("Reading answers")
struct ReadingTests {
    private let settings = VendorSettings(publicKey: "pk", secretKey: Secret("sk"))
    private let now = Timestamp(milliseconds: 1_700_000_000_000)

    private func read(
        _ status: Int, _ body: String, retryAfter: String? = nil, effect: VendorCall.Effect = .repeatable
    ) -> Result<VendorEnvelope, VendorError> {
        Result { () throws(VendorError) in
            try VendorReply(status: status, retryAfter: retryAfter, body: Array(body.utf8))
                .envelope(effect: effect, settings: settings, now: now)
        }
    }

    private func error(
        _ status: Int, _ body: String, retryAfter: String? = nil, effect: VendorCall.Effect = .repeatable
    ) -> VendorError? {
        if case .failure(let error) = read(status, body, retryAfter: retryAfter, effect: effect) { error } else { nil }
    }

    @Test("An error in the body counts even under HTTP's 200")
    func errorUnder200() {
        #expect(error(200, #"{"message":"no","status":403}"#)?.cause == .forbidden)
        #expect(error(200, #"{"message":"no","status":"404"}"#)?.cause == .notFound)
    }

    @Test("A time-out told by the vendor or a proxy does not say that nothing was done", arguments: [408, 425, 503])
    func doubtfulStatus(status: Int) {
        guard case .unknownOutcome = error(status, "{}", effect: .once)?.action else {
            Issue.record("\(status) to a call that must not be made twice")
            return
        }
        guard case .retry = error(status, "{}")?.action else {
            Issue.record("\(status) to a call that only reads")
            return
        }
    }

    @Test("A success without data is a success; what needs the data says so")
    func withoutData() throws {
        let envelope = try read(200, #"{"message":"File uploaded","status":200}"#).get()
        #expect(envelope.entity?.text == nil)
        #expect(envelope.message == "File uploaded")
        #expect(try read(200, #"{"key":"vrex_1","status":"queued"}"#).get().entity?["key"] == "vrex_1")
    }

    @Test("Members that are not known are kept")
    func unknownMembers() throws {
        let envelope = try read(200, #"{"data":{"key":"vrex_1","status":"cooking","later":[1]},"x":2}"#).get()
        let export = try #require(envelope.entity.flatMap(VendorExport.init))
        #expect(export.status == .other("cooking"))
        #expect(export.whole["later"] == [1])
        #expect(envelope.whole["x"] == 2)
    }

    @Test("A success that is no JSON is tried again when read, and of unknown outcome when it did something")
    func notJSON() {
        #expect(error(200, "<html>")?.action == .retry(after: nil))
        guard case .unknownOutcome = error(200, "<html>", effect: .once)?.action else {
            Issue.record("not unknown")
            return
        }
    }

    @Test("Errors that are no JSON keep HTTP's status")
    func errorNotJSON() {
        #expect(error(404, "<html>")?.cause == .notFound)
        #expect(error(502, "")?.cause == .serverFailure)
        #expect(error(302, "")?.cause == .refused)
    }

    @Test("The causes of a 429 are told apart by their words; what is not recognised is the report's")
    func limits() {
        #expect(VendorLimit(message: "Member has reached the maximum of 20 active exports") == .member)
        #expect(VendorLimit(message: "An export for this report and member already exists") == .reportAndMember)
        #expect(VendorLimit(message: "Too Many Requests") == .requests)
        #expect(VendorLimit(message: "slow down, you") == .reportAndMember)
        #expect(error(429, "")?.cause == .limited(.reportAndMember))
        #expect(error(429, "")?.action == .waitUntil(nil))
    }

    @Test("Retry-After is read as seconds and as a date, within a day")
    func retryAfter() {
        #expect(error(429, "{}", retryAfter: "120")?.action == .waitUntil(now + .seconds(120)))
        #expect(error(503, "{}", retryAfter: "5")?.action == .retry(after: .seconds(5)))
        // 60 s after `now`
        #expect(
            error(429, "{}", retryAfter: "Tue, 14 Nov 2023 22:14:20 GMT")?.action == .waitUntil(now + .seconds(60)))
        #expect(error(429, "{}", retryAfter: "999999999")?.action == .waitUntil(now + .seconds(86_400)))
        #expect(error(429, "{}", retryAfter: "soon")?.action == .waitUntil(nil))
        #expect(error(503, "{}", retryAfter: "-5")?.action == .retry(after: nil))
    }

    @Test("A key cannot leave its place in a path")
    func paths() {
        #expect(VendorCall.path("/a/{key}", "x/../y?z") == "/a/x%2F..%2Fy%3Fz")
        #expect(VendorCall.path("/a/{key}", "..") == "/a/%2E%2E")
        #expect(VendorCall.path("/a/{key}", "é") == "/a/%C3%A9")
    }
}

@Suite("The budget of requests")
struct RequestBudgetTests {
    @Test("Polling leaves a share for triggers")
    func reserve() async throws {
        let time = ManualTimeSource()
        let budget = RequestBudget(perMinute: 40, time: time)
        // A burst of four, of which one is reserved.
        for _ in 0..<3 { try await budget.take(.routine) }
        let poll = Task { try await budget.take(.routine) }
        try await budget.take(.urgent)
        // 36 a minute: the next two tokens are there after 3.4 s.
        await time.advanceToNextSleeper()
        try await poll.value
        #expect(time.now().since(Timestamp(milliseconds: 1_700_000_000_000)) >= .seconds(3))
    }

    @Test("In no minute more go through than are allowed")
    func bound() async throws {
        let time = JumpingTimeSource()
        let budget = RequestBudget(perMinute: 100, time: time)
        let end = time.now() + .seconds(60)
        var passed = 0
        while true {
            try await budget.take(.urgent)
            guard time.now() < end else { break }
            passed += 1
        }
        #expect(passed <= 100)
        #expect(passed > 90)
    }
}

/// A clock on which every sleep is over at once.
private final class JumpingTimeSource: TimeSource {
    private let current = Mutex(Timestamp(milliseconds: 1_700_000_000_000))

    func now() -> Timestamp { current.withLock { $0 } }

    func sleep(until time: Timestamp) async throws {
        current.withLock { $0 = max($0, time) }
    }
}
