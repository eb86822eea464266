import CausewayCore
import Testing
import VendorSimulator

/// The guide's rate limits.
@Suite struct LimitTests {
    @Test("One export for a report and member in two hours; another member or report is free")
    func perReport() async throws {
        let time = ManualTime()
        try await World.with(time: time) { world async throws in
            #expect(try await world.trigger().status == 200)
            let second = try await world.trigger()
            #expect(second.status == 429)
            #expect(second.message == "An export for this report and member already exists within the past 2 hours")
            #expect(second.headers.lowercased().contains("retry-after") == false)
            #expect(try await world.trigger(member: "finance@example.com").status == 200)
            #expect(try await world.trigger("vrc_123457").status == 200)
            time.advance(by: .seconds(7199))
            #expect(try await world.trigger().status == 429)
            time.advance(by: .seconds(1))
            #expect(try await world.trigger().status == 200)
        }
    }

    @Test("Twenty active exports for a member in two hours, and the message of the twenty-first is another one")
    func perMember() async throws {
        let options = SimulatorOptions.quick {
            $0.reports += ReportConfiguration.further(21)
            $0.hold = true
        }
        try await World.with(options) { world async throws in
            for number in 1...20 { #expect(try await world.trigger("vrc_\(200_000 + number)").status == 200) }
            let last = try await world.trigger("vrc_200021")
            #expect(last.status == 429)
            #expect(last.message == "Member has reached the maximum of 20 active exports")
            #expect(try await world.trigger("vrc_200021", member: "finance@example.com").status == 200)
            // A failed one is no longer active.
            let exports = try await world.open("/simulator/exports").data?.array ?? []
            let key = exports[0]["key"]?.string ?? ""
            _ = try await world.open("/simulator/exports/\(key)/fail", "-X", "POST")
            #expect(try await world.trigger("vrc_200021").status == 200)
        }
    }

    @Test("Where asked for, 429 tells in Retry-After when the window opens")
    func retryAfter() async throws {
        let time = ManualTime()
        try await World.with(.quick { $0.sendsRetryAfter = true }, time: time) { world async throws in
            _ = try await world.trigger()
            time.advance(by: .seconds(7000))
            #expect(try await world.trigger().headers.lowercased().contains("retry-after: 200"))
        }
    }

    @Test("The limit of a report can count all members together, as another page of the vendor says")
    func withoutMember() async throws {
        try await World.with(.quick { $0.reportLimitIgnoresMember = true }) { world async throws in
            #expect(try await world.trigger().status == 200)
            #expect(try await world.trigger(member: "finance@example.com").status == 429)
        }
    }

    @Test("More requests in a minute than the limit are 429, until the minute is over")
    func perMinute() async throws {
        let time = ManualTime()
        try await World.with(.quick { $0.requestsPerMinute = 2 }, time: time) { world async throws in
            for _ in 1...2 { #expect(try await world.call("/api/v2/webhooks").status == 200) }
            let third = try await world.call("/api/v2/webhooks")
            #expect(third.status == 429)
            #expect(third.message?.hasPrefix("Too many requests") == true)
            time.advance(by: .seconds(60))
            #expect(try await world.call("/api/v2/webhooks").status == 200)
        }
    }

    @Test("The control surface forgets the windows when told")
    func reset() async throws {
        let time = ManualTime()
        try await World.with(time: time) { world async throws in
            _ = try await world.trigger()
            _ = try await world.open("/simulator/limits/reset", "-X", "POST")
            time.advance(by: .milliseconds(1))
            #expect(try await world.trigger().status == 200)
        }
    }
}
