import CausewayCore
import Storage
import StoragePostgres
import Support
import Synchronization
import Testing

@Suite("A connection to PostgreSQL that is lost")
struct PostgresLossTests {
    @Test(
        "before the commit was sent: the body is run again, and holds once",
        arguments: [CommitSharing.alone, .shared])
    func beforeCommit(_ sharing: CommitSharing) async throws {
        let world = try await PostgresWorld()
        let engine = try world.engine()
        let runs = Atomic(0)
        _ = try await engine.write(sharing) { transaction in
            try transaction.execute("INSERT INTO thing (id, number) VALUES ('a', 1)")
            guard runs.add(1, ordering: .relaxed).newValue == 1 else { return }
            // The session ends itself: the next statement finds it gone.
            try transaction.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        }
        #expect(runs.load(ordering: .relaxed) == 2)
        #expect(try await world.things() == ["a"])
        #expect(engine.statistics[.reconnects] == 1)
        try await engine.close()
    }

    @Test("after it: the caller is told that nobody knows", arguments: CuttingProxy.Moment.allCases)
    func afterCommit(_ moment: CuttingProxy.Moment) async throws {
        let world = try await PostgresWorld()
        let proxy = try CuttingProxy(to: world.cluster.port)
        defer { proxy.end() }
        let engine = try world.engine(port: Int(proxy.port), parameters: "?sslmode=disable&gssencmode=disable")
        proxy.cut(at: moment)
        await #expect(throws: StorageError.connectionLost(commitSent: true)) { try await engine.add("a") }
        #expect(try await world.things() == (moment == .commitAnswered ? ["a"] : []))
        try await engine.add("b")
        #expect(try await world.things().last == "b")
        try await engine.close()
    }

    @Test("after a shared commit was sent: each of its callers is told")
    func afterSharedCommit() async throws {
        let world = try await PostgresWorld()
        let proxy = try CuttingProxy(to: world.cluster.port)
        defer { proxy.end() }
        let engine = try world.engine(port: Int(proxy.port), parameters: "?sslmode=disable&gssencmode=disable") {
            $0.connections = 2
        }
        let (isHeld, mayEnd) = (SignalSubscription(), SignalSubscription())
        // While one runs, the others gather.
        let first = Task {
            try await engine.write { _ in
                isHeld.signal()
                try Waiting.block { try await mayEnd.next() }
            }
        }
        try await isHeld.next()
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<10 {
                group.addTask {
                    do {
                        try await engine.add("t\(number)", .shared)
                        return false
                    } catch StorageError.connectionLost(commitSent: true) {
                        return true
                    }
                }
            }
            proxy.cut(at: .commitAnswered)
            mayEnd.signal()
            try await first.value
            var unknown = 0
            for try await isUnknown in group where isUnknown { unknown += 1 }
            #expect(unknown > 0)
        }
        #expect(try await world.things().count == 10)
        try await engine.close()
    }

    @Test("while PostgreSQL is away: callers are told in time, and all goes on when it is back")
    func away() async throws {
        let cluster = try await PostgresCluster()
        let world = try await PostgresWorld(cluster)
        let engine = try world.engine()
        let hasty = try world.engine { $0.patience = .milliseconds(300) }
        try await engine.add("a")
        try await cluster.stop(.immediate)
        await #expect(throws: StorageError.connectionLost(commitSent: false)) { try await hasty.add("b") }
        await #expect(throws: StorageError.connectionLost(commitSent: false)) { try await hasty.number(of: "a") }
        try await cluster.start()
        try await Waiting.until { try await engine.number(of: "a") == 1 }
        try await engine.add("c")
        try await Waiting.until { try await hasty.number(of: "c") == 1 }
        #expect(try await world.things() == ["a", "c"])
        try await engine.close()
        try await hasty.close()
    }

    @Test("and with it the notifications: who waits is woken once it stands again")
    func listening() async throws {
        let world = try await PostgresWorld()
        let (one, other) = (try world.engine(), try world.engine())
        try await other.signals.withSubscription(to: ["thing"]) { signal in
            // It stands: first everybody is woken.
            try await signal.next()
            try await world.cluster.query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '\(world.database)'")
            try await signal.next()
            try await one.write { $0.signal("thing") }
            try await signal.next()
        }
        try await one.close()
        try await other.close()
    }

    @Test("whose server takes connections and says nothing: who has waited his time is told, and not one after another")
    func mute() async throws {
        let mute = try MuteServer()
        defer { mute.close() }
        let engine = try PostgresWorld.engine(url: "postgres://u@127.0.0.1:\(mute.port)/d?sslmode=disable") {
            $0.connections = 2
            $0.connectTimeout = .seconds(2)
            $0.patience = .milliseconds(100)
        }
        let begun = ContinuousClock.now
        await withTaskGroup(of: Void.self) { group in
            for number in 1...64 {
                group.addTask {
                    await #expect(throws: StorageError.connectionLost(commitSent: false)) {
                        try await engine.add("\(number)")
                    }
                }
            }
        }
        // One attempt to connect takes two seconds; one after another they would take minutes.
        #expect(ContinuousClock.now - begun < patience)
        try await engine.close()
    }

    @Test("since the server stands still: given up after the statement's time", .inRealTime)
    func silent() async throws {
        let world = try await PostgresWorld()
        let engine = try world.engine {
            $0.statementTimeout = RealTime.limit
            $0.patience = patience
        }
        // A query that the server gives up by itself says that it is busy.
        await #expect(throws: StorageError.busy) { try await engine.read { try $0.rows("SELECT pg_sleep(100)") } }
        try await engine.close()
    }
}
