import CSV
import CausewayCore
import Testing

@testable import Imports

@Suite("An import's state")
struct ImportStateTests {
    let now = Timestamp(milliseconds: 1)

    func forwarding(chunks: Int = 1, isResendable: Bool = false) -> Import {
        Import(
            id: ImportID(at: now), object: .rewards, mode: .allOrNothing, state: .forwarding, group: nil,
            sendsInvites: false, filename: nil,
            file: ImportFileFacts(size: 1, sha256: "", encoding: "utf-8", delimiter: ",", isNormalized: false),
            rows: ImportRowCounts(total: 10 * chunks, valid: 10 * chunks),
            problems: ImportProblemCounts(total: 0, stored: 0, first: []), isRewritten: false,
            isResendable: isResendable, isForced: false, caller: "a",
            chunks: (1...chunks).map { ImportChunk(number: $0, rows: 10) }, createdAt: now)
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

    @Test("does not heed the answer to an earlier sending")
    func staleAnswer() {
        var some = forwarding(isResendable: true)
        _ = some.takeUp(at: now)
        _ = some.takeUp(at: now)
        #expect(some.chunkRefused(1, attempt: 1, ImportError(code: "x", message: ""), at: now) == [])
        #expect(some.state == .forwarding)
        #expect(some.chunkTaken(1, attempt: 2, answer: nil, at: now) == [.publish(.completed)])
    }

    @Test("cannot be cancelled while a chunk is on its way or unknown")
    func cancelling() throws {
        var some = forwarding()
        _ = some.takeUp(at: now)
        #expect(throws: ImportOperationError.self) { try some.cancel(at: now) }
        _ = some.chunkLost(1, attempt: 1, "lost", answer: nil, at: now)
        #expect(throws: ImportOperationError.self) { try some.cancel(at: now) }
        #expect(throws: ImportOperationError.self) { _ = try some.retry() }
        #expect(try some.resolve(1, as: .notImported, at: now) == [.publish(.failed)])
        #expect(some.countsAsDuplicate == false)
        try some.cancel(at: now)
        #expect(some.state == .cancelled)
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

    @Test("is approved by another key than the uploader's")
    func approving() throws {
        var some = forwarding()
        some.state = .awaitingApproval
        #expect(throws: ImportOperationError.self) { _ = try some.approve(by: "a") }
        #expect(some.takeUp(at: now) == .settled([]))
        #expect(try some.approve(by: "b") == [.forward])
        #expect(try some.approve(by: "b") == [])
    }
}
