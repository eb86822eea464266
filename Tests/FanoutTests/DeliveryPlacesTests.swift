import CausewayCore
import Events
import Testing

@testable import Fanout

@Suite("Places for attempts")
struct DeliveryPlacesTests {
    private let start = Timestamp(milliseconds: 1_700_000_000_000)
    private let places = DeliveryPlaces(each: 64)

    private func attempts(
        _ count: Int, to health: LaneHealth, at time: Timestamp, lanes: ClosedRange<Int64> = 1...1000
    ) -> [ClaimedDelivery] {
        (0..<count).map { index in
            let number = lanes.lowerBound + Int64(index)
            return ClaimedDelivery(
                number: DeliveryNumber(number), fence: 1, attempt: 1, step: 0,
                subscription: Subscription(
                    id: SubscriptionID(at: time), number: number, terms: SubscriptionTerms(url: "", secrets: []),
                    enabled: true, createdAt: time, afterSequence: 0, version: 1, disabledReason: nil,
                    disabledAt: nil, health: health),
                event: EventEnvelope(
                    sequence: 1, id: EventDraft(type: "t", resource: "r", timestamp: time, data: [:]).id, type: "t",
                    timestamp: time, resource: "r", data: "{}"), claimedAt: time)
        }
    }

    private let answering = LaneHealth()
    private let new = LaneHealth(pace: 1)
    private let failing = LaneHealth(pace: 1, failures: 3)

    @Test("whatever hangs, endpoints that answer have all their places a second later")
    func answers() {
        let hanging =
            attempts(64, to: answering, at: start) + attempts(64, to: new, at: start)
            + attempts(32, to: failing, at: start)
        #expect(places.room(beside: hanging, at: start).answering == 0)
        #expect(places.room(beside: hanging, at: start).nextSlow == start + .seconds(1))
        #expect(places.room(beside: hanging, at: start + .seconds(1)).answering >= 48)
        let others = attempts(64, to: new, at: start) + attempts(32, to: failing, at: start)
        #expect(places.room(beside: others, at: start).answering == 64)
    }

    @Test("endpoints that are tried find a quarter of the places free each second, whatever hangs")
    func tries() {
        #expect(places.room(beside: [], at: start).trying == 64)
        let tried = attempts(64, to: new, at: start)
        #expect(places.room(beside: tried, at: start).trying == 0)
        #expect(places.room(beside: tried, at: start + .seconds(1)).trying == 16)
        let slow = attempts(100, to: answering, at: start) + attempts(32, to: failing, at: start)
        #expect(places.room(beside: slow, at: start + .seconds(1)).trying == 16)
        // There is an end to it: no more than so many connections are ever open.
        let many = attempts(128, to: new, at: start)
        #expect(places.room(beside: many, at: start + .seconds(1)).trying == 0)
    }

    @Test("endpoints that fail have half of what is left, and nothing beside much that is slow")
    func failures() {
        #expect(places.room(beside: [], at: start)[.failing] == 32)
        #expect(places.room(beside: attempts(32, to: failing, at: start), at: start)[.failing] == 0)
        let slow = attempts(64, to: answering, at: start)
        #expect(places.room(beside: slow, at: start)[.failing] == 32)
        #expect(places.room(beside: slow, at: start + .seconds(1))[.failing] == 0)
    }
}
