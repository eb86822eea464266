import CSV
import CausewayCore
import Testing

@testable import Imports

@Suite("An import's state")
struct ImportStateTests {
    let now = Timestamp(milliseconds: 1)

    func forwarding(chunks: Int = 1, isResendable: Bool = false) -> Import {
        var some = Import(
            id: ImportID(at: now), object: .rewards, mode: .allOrNothing, state: .forwarding, group: nil,
            sendsInvites: false, filename: nil,
            file: ImportFileFacts(size: 1, sha256: "", encoding: "utf-8", delimiter: ",", isNormalized: false),
            rows: ImportRowCounts(total: 10 * chunks, valid: 10 * chunks),
            problems: ImportProblemCounts(total: 0, stored: 0, first: []), amounts: [],
            approvalReasons: [], approvalExpiresAt: Timestamp(milliseconds: 2), isRewritten: false,
            isResendable: isResendable, isForced: false, caller: "a",
            cut: ImportCut(rows: 10 * chunks, rowsEach: 10), createdAt: now)
        some.show()
        return some
    }

    @Test("goes from chunk to chunk in order, and is completed with the last")
    func chunks() throws {
        var some = forwarding(chunks: 2)
        #expect(some.takeUp(at: now) == .send(chunk: 1))
        #expect(some.chunkTaken(1, attempt: 1, answer: nil, at: now) == [.forward])
        #expect(some.forwardedRows == 10)
        #expect(some.takeUp(at: now) == .send(chunk: 2))
        #expect(some.chunkTaken(2, attempt: 1, answer: nil, at: now) == [.publish(.completed)])
        #expect(some.state == .completed)
        #expect(some.endedAt == now)
        #expect(some.takeUp(at: now) == .settled([]))
    }

    @Test("found as going out is not known, unless it may be sent again")
    func foundSending() {
        var some = forwarding()
        _ = some.takeUp(at: now)
        #expect(some.takeUp(at: now) == .settled([.publish(.needsAttention)]))
        #expect(some.chunks[0].state == .unknown)
        var safe = forwarding(isResendable: true)
        _ = safe.takeUp(at: now)
        #expect(safe.takeUp(at: now) == .send(chunk: 1))
        #expect(safe.chunks[0].attempts == 2)
    }

    @Test("heeds an answer that comes after it was given up for lost, once")
    func lateAnswer() {
        var some = forwarding()
        _ = some.takeUp(at: now)
        _ = some.takeUp(at: now)
        #expect(some.chunkTaken(1, attempt: 1, answer: nil, at: now) == [.publish(.completed)])
        #expect(some.state == .completed)
        #expect(some.chunkTaken(1, attempt: 1, answer: nil, at: now) == [])
        #expect(some.chunkRefused(1, attempt: 1, ImportError(code: "x", message: ""), at: now) == [])
    }

    @Test(
        "heeds the vendor's yes after a person took a chunk for lost, until it goes out again",
        arguments: [false, true])
    func yesAfterAll(isRetried: Bool) throws {
        var some = forwarding(chunks: 2)
        _ = some.takeUp(at: now)
        _ = some.takeUp(at: now)
        #expect(try some.resolve(1, as: .notImported, at: now) == [.publish(.failed)])
        if isRetried { #expect(try some.retry() == [.forward]) }
        var sentAgain = some
        let said = some.chunkTaken(1, attempt: 1, answer: nil, at: now)
        #expect(some.forwardedRows == 10)
        guard isRetried else {
            // The rest may have gone out with another import meanwhile: nothing is sent that `retry` has not looked at.
            #expect(said == [.publish(.failed)])
            #expect(some.state == .failed && some.error?.code == "rest_not_sent")
            #expect(try some.retry() == [.forward])
            #expect(some.takeUp(at: now) == .send(chunk: 2))
            return
        }
        #expect(said == [.forward])
        #expect(some.takeUp(at: now) == .send(chunk: 2))
        _ = sentAgain.takeUp(at: now)
        #expect(sentAgain.chunkTaken(1, attempt: 1, answer: nil, at: now) == [])
    }

    @Test("taken back after a failure stays so when a chunk turns out to be at the vendor, and is kept no longer")
    func takenBack() throws {
        var some = forwarding(chunks: 2)
        _ = some.takeUp(at: now)
        _ = some.takeUp(at: now)
        _ = try some.resolve(1, as: .notImported, at: now)
        try some.cancel(at: now + .seconds(60))
        #expect(some.endedAt == now)
        #expect(some.chunkTaken(1, attempt: 1, answer: nil, at: now + .seconds(90)) == [])
        #expect(some.state == .cancelled && some.forwardedRows == 10)
    }

    @Test("does not heed the answer to an earlier sending")
    func staleAnswer() {
        var some = forwarding(isResendable: true)
        _ = some.takeUp(at: now)
        _ = some.takeUp(at: now)
        #expect(some.chunkRefused(1, attempt: 1, ImportError(code: "x", message: ""), at: now) == [])
        #expect(some.state == .forwarding)
        #expect(some.chunkTaken(1, attempt: 2, answer: nil, at: now) == [.publish(.completed)])
    }

    @Test("cancelled while a chunk is on its way ends as soon as that one's end is known")
    func cancelling() throws {
        typealias End = (inout Import, Timestamp) throws -> [ImportConsequence]
        let ends: [(End, ImportState, Int)] = [
            ({ $0.chunkTaken(1, attempt: 1, answer: nil, at: $1) }, .cancelled, 10),
            ({ $0.chunkRefused(1, attempt: 1, ImportError(code: "x", message: ""), at: $1) }, .cancelled, 0),
            ({ $0.chunkNotTaken(1, attempt: 1, nil, at: $1) }, .cancelled, 0),
            ({ $0.chunkLost(1, attempt: 1, "lost", answer: nil, at: $1) ?? [] }, .needsAttention, 0),
        ]
        for isResendable in [false, true] {
            for (end, state, forwarded) in ends {
                var some = forwarding(chunks: 2, isResendable: isResendable)
                _ = some.takeUp(at: now)
                try some.cancel(at: now)
                #expect(some.state == .forwarding && some.cancelRequestedAt == now)
                let consequences = try end(&some, now)
                #expect(!consequences.contains(.forward))
                #expect(some.state == state && some.forwardedRows == forwarded)
                #expect(some.takeUp(at: now) == .settled([]))
            }
        }
    }

    @Test("cancelled with its last chunk on its way is completed where that arrives")
    func cancelledTooLate() throws {
        var some = forwarding()
        _ = some.takeUp(at: now)
        try some.cancel(at: now)
        #expect(some.chunkTaken(1, attempt: 1, answer: nil, at: now) == [.publish(.completed)])
        #expect(throws: ImportOperationError.self) { try some.cancel(at: now) }
    }

    @Test(
        "cancelled while nobody knows whether a chunk arrived ends with what a person says",
        arguments: ChunkResolution.allCases)
    func cancellingUnknown(resolution: ChunkResolution) throws {
        var some = forwarding(chunks: 2)
        _ = some.takeUp(at: now)
        _ = some.chunkLost(1, attempt: 1, "lost", answer: nil, at: now)
        #expect(throws: ImportOperationError.self) { _ = try some.retry() }
        try some.cancel(at: now)
        #expect(some.state == .needsAttention)
        #expect(try some.resolve(1, as: resolution, at: now) == [])
        #expect(some.state == .cancelled)
        #expect(some.forwardedRows == (resolution == .imported ? 10 : 0))
        #expect(some.countsAsDuplicate == (resolution == .imported))
    }

    @Test("cancelled and found as going out after a crash is not sent again, even where that would do no harm")
    func cancelledCrash() throws {
        var some = forwarding(isResendable: true)
        _ = some.takeUp(at: now)
        try some.cancel(at: now)
        #expect(some.takeUp(at: now) == .settled([.publish(.needsAttention)]))
    }

    @Test("told as lost, heard of late and lost again is told a second time")
    func lostTwice() {
        var some = forwarding(chunks: 2)
        _ = some.takeUp(at: now)
        _ = some.chunkLost(1, attempt: 1, "lost", answer: nil, at: now)
        let round = some.round
        #expect(some.chunkTaken(1, attempt: 1, answer: nil, at: now) == [.forward])
        _ = some.takeUp(at: now)
        #expect(some.chunkLost(2, attempt: 1, "lost", answer: nil, at: now) == [.publish(.needsAttention)])
        #expect(some.round > round)
    }

    @Test("shows at most fifty chunks, the one whose turn it is among them", arguments: [0, 1, 49, 50, 51, 1000])
    func shown(count: Int) {
        let cut = ImportCut(rows: count, rowsEach: 1)
        for taken in 0...count {
            let shown = cut.shown(after: taken)
            #expect(shown.count == min(count, 50))
            #expect(taken == count || shown.contains(taken + 1))
        }
    }

    @Test("goes on with the rest when a lost chunk was found imported")
    func goingOn() throws {
        var some = forwarding(chunks: 2)
        _ = some.takeUp(at: now)
        _ = some.chunkLost(1, attempt: 1, "lost", answer: nil, at: now)
        #expect(try some.resolve(1, as: .imported, at: now) == [.forward])
        #expect(some.takeUp(at: now) == .send(chunk: 2))
        _ = some.chunkRefused(2, attempt: 1, ImportError(code: "x", message: ""), at: now)
        #expect(some.state == .failed)
        #expect(some.countsAsDuplicate)
        #expect(try some.retry() == [.forward])
        #expect(some.takeUp(at: now) == .send(chunk: 2))
    }

    @Test("not approved in time is cancelled, with an event, and cannot be approved any more")
    func expiring() throws {
        var some = forwarding()
        some.state = .awaitingApproval
        let end = Timestamp(milliseconds: 2)
        #expect(some.expire(at: now) == [])
        #expect(throws: ImportOperationError.self) { _ = try some.approve(by: "b", at: end) }
        #expect(some.expire(at: end) == [.publish(.failed)])
        #expect(some.state == .cancelled && some.error?.code == "approval_expired")
        #expect(some.expire(at: end) == [])
        #expect(throws: ImportOperationError.self) { _ = try some.retry() }
    }

    @Test("is approved by another key than the uploader's")
    func approving() throws {
        var some = forwarding()
        some.state = .awaitingApproval
        #expect(throws: ImportOperationError.self) { _ = try some.approve(by: "a", at: now) }
        #expect(some.takeUp(at: now) == .settled([]))
        #expect(try some.approve(by: "b", at: now) == [.forward])
        #expect(try some.approve(by: "b", at: now) == [])
    }
}
