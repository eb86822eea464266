import CausewayCore
import Events
import Logging
import Storage
import Support
import Testing

extension StoreCase {
    static let events = StoreCase(name: "Events") { engine async throws in
        let log = EventLog()
        let drafts = (1...3).map { number in
            EventDraft(type: "a.\(number % 2)", resource: "r_\(number)", timestamp: start, data: ["n": "ü"])
        }
        let added = try await engine.write { transaction throws in
            try (drafts + drafts).map { try log.append($0, in: transaction) }
        }
        #expect(added == [true, true, true, false, false, false])
        try await engine.read { transaction throws in
            let all = try log.events(after: 0, limit: 10, in: transaction)
            #expect(all.map(\.resource) == ["r_1", "r_2", "r_3"])
            #expect(try log.events(after: 0, hiding: "a.0", limit: 10, in: transaction).count == 2)
            #expect(try log.events(of: ["a.1", "b"], after: 0, limit: 10, in: transaction).count == 2)
            #expect(try log.event(drafts[0].id, in: transaction)?.data == ["n": "ü"])
            #expect(try log.envelopes(at: all.map(\.sequence), in: transaction).count == 3)
            #expect(try log.place(of: drafts[1].id, in: transaction) == all[1].sequence)
            #expect(try log.place(of: start, in: transaction) == 1)
            #expect(try log.place(of: start + .seconds(1), in: transaction) > all[2].sequence)
            #expect(try log.lastSequence(in: transaction) >= 3)
        }
        let dispatcher = EventDispatcher(
            name: "case", engine: engine, time: ManualTimeSource(), logger: Logger(label: "test")
        ) { events, _ in .init(1, rest: Array(repeating: { _ in }, count: events.count - 1)) }
        for consumed in [1, 1, 1, 0] { #expect(try await dispatcher.dispatchOnce() == consumed) }
    }
}
