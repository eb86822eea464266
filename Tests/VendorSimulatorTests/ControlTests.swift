import CausewayCore
import Logging
import ServiceLifecycle
import Testing
import VendorSimulator

/// The control surface.
@Suite struct ControlTests {
    @Test("A wait ends as soon as what is waited for is there, or with 504 when it is over")
    func waiting() async throws {
        try await World.with(.quick { $0.hold = true }) { world async throws in
            #expect(try await world.open("/simulator/exports?wait=0.05").status == 504)
            let key = try await world.trigger().data?["key"]?.string ?? ""
            async let done = world.open("/simulator/exports/\(key)?until=success&until=failure&wait=60")
            _ = try await world.open("/simulator/exports/\(key)/fail", "-d", "{\"error\":\"too large\"}")
            let failed = try await done
            #expect(failed.json["error"] == "too large")
            #expect(try await world.open("/simulator/requests?route=trigger&count=1&wait=60").json == ["trigger": 1])
        }
    }

    @Test("Options change while it runs; an unknown one is refused")
    func options() async throws {
        try await World.with { world async throws in
            let body = "{\"files\":2,\"members\":[\"new@example.com\"],\"hold\":false}"
            #expect(try await world.open("/simulator/options", "-X", "PATCH", "-d", body).status == 200)
            #expect(try await world.trigger().status == 403)
            let key = try await world.trigger(member: "new@example.com").data?["key"]?.string ?? ""
            let entity = try await world.open("/simulator/exports/\(key)?until=success&wait=60").json
            #expect(entity["files"]?.array?.count == 2)
            #expect(try await world.open("/simulator/options", "-X", "PATCH", "-d", "{\"x\":1}").status == 400)
        }
    }

    @Test("Webhooks are sent again, as it is or doctored")
    func announcing() async throws {
        try await World.with(.quick { $0.hold = true }) { world async throws in
            try await HookReceiver.with { receiver async throws in
                let key =
                    try await world.trigger(["webhook_target_url": .string(receiver.url)]).data?["key"]?.string ?? ""
                _ = try await world.open(
                    "/simulator/exports/\(key)/announce", "-d",
                    "{\"channel\":\"direct\",\"entity\":{\"status\":\"failure\"}}")
                let post = try await world.open("/simulator/webhooks?claims=failure&state=delivered&wait=60")
                #expect(post.data?.array?.count == 1)
                #expect(receiver.received.first?.body["status"] == "failure")
            }
        }
    }

    @Test("What the stand-in does reads as a story")
    func story() async throws {
        try await World.with { world async throws in
            let key = try await world.trigger().data?["key"]?.string ?? ""
            _ = try await world.open("/simulator/exports/\(key)?until=success&wait=60")
            let story = try await world.open("/simulator/story").text
            #expect(story.contains("export \(key) of vrc_123456 asked for by ops@example.com: queued, ready in 20ms"))
            #expect(story.contains("export \(key) is ready: 1 file(s)"))
        }
    }

    @Test("A stop does not wait for those who wait")
    func stopping() async throws {
        let simulator = VendorSimulator(.quick { $0.hold = true })
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: simulator, successTerminationBehavior: .gracefullyShutdownGroup)],
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }))
        async let ended: Void = group.run()
        let world = World(url: try await simulator.url(), simulator: simulator)
        async let waiting = world.open("/simulator/exports?wait=25")
        // Whether the wait has begun or only comes now, it ends with the stand-in.
        _ = try await world.trigger()
        await group.triggerGracefulShutdown()
        try await ended
        _ = try await waiting
    }

    @Test("A port that is taken is told, not waited for")
    func takenPort() async throws {
        try await World.with { world async throws in
            var options = SimulatorOptions.quick
            options.port = Int(world.url.split(separator: ":").last ?? "") ?? 0
            let second = VendorSimulator(options)
            async let url = second.url()
            await #expect(throws: (any Error).self) { try await second.run() }
            do {
                _ = try await url
                Issue.record("it told an address")
            } catch {}
        }
    }
}
