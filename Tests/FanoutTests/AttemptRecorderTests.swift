import CausewayCore
import Events
import Storage
import Support
import Testing

@testable import Fanout

@Suite("Attempts written down", .onEveryEngine)
struct AttemptRecorderTests {
    @Test("what came of a claim whose lease was lost is refused beside what came of the next one")
    func twoClaimsOfOneDelivery() async throws {
        let house = try await FanoutHouse()
        _ = try await house.subscribe(["url": "http://127.0.0.1:9/"])
        let queue = DeliveryQueue(laneLimit: 500)
        let recorder = AttemptRecorder(schedule: RetrySchedule([.seconds(5)]), watch: .patient)
        let now = house.time.now()
        let recorded = try await house.storage.write { transaction in
            try EventLog().append(
                EventDraft(
                    type: "export.completed", resource: "exp_1", timestamp: now,
                    attributes: ["report": "vrc_1", "source": "api"], data: [:]), in: transaction)
            _ = try EventMatching().consumeAll(
                EventLog().events(after: 0, limit: 10, in: transaction), at: now, in: transaction)
            let reports = try [0, 20].flatMap { seconds in
                let time = now + .seconds(seconds)
                return try queue.claim(
                    DeliveryPlaces.Room(answering: 1, trying: 0, failing: 0, slow: 0), at: time,
                    until: time + .seconds(15), in: transaction
                ).deliveries
            }.map { claim in
                AttemptReport(
                    delivery: claim, startedAt: now, duration: .milliseconds(5), remoteAddress: nil,
                    outcome: .answered(status: 200, body: [], retryAfter: nil))
            }
            return try recorder.record(reports, at: now + .seconds(21), in: transaction).attempts
        }
        #expect(recorded.map(\.state) == [nil, .delivered])
        #expect(try await house.attempts().count == 1)
    }
}
