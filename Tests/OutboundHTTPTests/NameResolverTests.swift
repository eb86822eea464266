import Support
import Synchronization
import Testing

@testable import OutboundHTTP

@Suite("Looking names up")
struct NameResolverTests {
    private let asked = Record<String>()
    private let address = IPAddress.v4(0x0102_0304)

    /// Answers once `gate` is open.
    private func resolver(threads: Int = 4, gate: Signal, began: Signal = Signal()) -> NameResolver {
        NameResolver(threads: threads) { [asked, address] name in
            asked.add(name)
            began.fire()
            gate.waitBlocking()
            return .success([address])
        }
    }

    @Test("The system's answer")
    func system() async throws {
        let addresses = try await NameResolver().addresses(of: "localhost", within: patience)
        #expect(addresses.contains(.v4(0x7f00_0001)))
        #expect(Set(addresses).count == addresses.count)
    }

    @Test("More names than threads wait in line, and all get their answer; one name is looked up once at a time")
    func line() async throws {
        let (gate, began) = (Signal(), Signal())
        let resolver = resolver(threads: 1, gate: gate, began: began)
        try await withThrowingTaskGroup(of: [IPAddress].self) { group in
            group.addTask { try await resolver.addresses(of: "held.example", within: patience) }
            await began.wait()
            for number in 0..<20 {
                group.addTask { try await resolver.addresses(of: "\(number % 5).example", within: patience) }
            }
            while resolver.waiting < 21 { await Task.yield() }
            gate.fire()
            for try await addresses in group { #expect(addresses == [address]) }
        }
        #expect(
            asked.all.sorted() == ["0.example", "1.example", "2.example", "3.example", "4.example", "held.example"])
    }

    @Test("What was found is kept for half a minute, what was not found is not, and no more than so many are kept")
    func kept() async throws {
        let clock = Mutex(ContinuousClock.now)
        let resolver = NameResolver(threads: 1) { [asked, address] name in
            asked.add(name)
            return name == "none.example" ? .failure(OutboundError(.resolve, words: "none")) : .success([address])
        } now: {
            clock.withLock { $0 }
        }
        func ask(_ name: String) async -> Bool {
            (try? await resolver.addresses(of: name, within: patience)) == [address]
        }
        for _ in 1...3 { #expect(await ask("a.example")) }
        clock.withLock { $0 += .seconds(29) }
        #expect(await ask("a.example"))
        #expect(asked.all == ["a.example"])
        clock.withLock { $0 += .seconds(1) }
        #expect(await ask("a.example"))
        for _ in 1...2 { #expect(await !ask("none.example")) }
        #expect(asked.all == ["a.example", "a.example", "none.example", "none.example"])
        clock.withLock { $0 += .seconds(1) }
        for number in 0..<NameResolver.mostKept { #expect(await ask("\(number).example")) }
        #expect(resolver.keptCount == NameResolver.mostKept)
        let before = asked.all.count
        #expect(await ask("7.example"))
        #expect(asked.all.count == before)
        #expect(await ask("a.example"))
        #expect(asked.all.count == before + 1)
    }

    @Test("Who does not want to wait any longer goes, and what nobody wants any more is not looked up", .inRealTime)
    func goes() async throws {
        let (gate, began) = (Signal(), Signal())
        let resolver = resolver(threads: 1, gate: gate, began: began)
        let held = Task { try await resolver.addresses(of: "held.example", within: patience) }
        await began.wait()
        await #expect {
            _ = try await resolver.addresses(of: "late.example", within: RealTime.limit)
        } throws: {
            ($0 as? OutboundError)?.kind.name == "timeout"
        }
        let cancelled = Task { try await resolver.addresses(of: "cancelled.example", within: patience) }
        cancelled.cancel()
        await #expect {
            _ = try await cancelled.value
        } throws: {
            ($0 as? OutboundError)?.kind.name == "cancelled"
        }
        gate.fire()
        #expect(try await held.value == [address])
        #expect(try await resolver.addresses(of: "next.example", within: patience) == [address])
        #expect(asked.all == ["held.example", "next.example"])
    }
}
