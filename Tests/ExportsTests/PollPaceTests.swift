import CausewayCore
import Storage
import Support
import Testing

@testable import Exports

@Suite("The pace of polling", .onEveryEngine)
struct PollPaceTests {
    private static let start = Timestamp(milliseconds: 1_700_000_000_000)

    @Test(
        "Few exports are asked for as often as is wanted; ten thousand take half of the vendor's requests a minute",
        arguments: [(0, 30), (1000, 30), (10_000, 300)])
    func interval(_ count: Int, _ seconds: Int) async throws {
        let database = try await Self.queued(count)
        let pace = PollPace(requestsPerMinute: 4000)
        let interval = try await database.engine.read {
            try pace.interval(.seconds(30), at: Self.start, in: $0)
        }
        #expect(interval == .seconds(seconds))
    }

    @Test("They are counted again once the count is ten seconds old")
    func recounted() async throws {
        let database = try await Self.queued(0)
        let pace = PollPace(requestsPerMinute: 2)
        func interval(after seconds: Int) async throws -> Duration {
            try await database.engine.read {
                try pace.interval(.seconds(1), at: Self.start + .seconds(seconds), in: $0)
            }
        }
        #expect(try await interval(after: 0) == .seconds(1))
        try await Self.add(3, to: database)
        #expect(try await interval(after: 9) == .seconds(1))
        #expect(try await interval(after: 10) == .seconds(180))
    }

    private static func queued(_ count: Int) async throws -> TestDatabase {
        let database = try await TestDatabase(ExportMigrations.all)
        try await add(count, to: database)
        return database
    }

    private static func add(_ count: Int, to database: TestDatabase) async throws {
        try await database.engine.write { transaction throws in
            let store = ExportStore()
            for number in 0..<count {
                let export = Export.found(
                    id: ExportID(at: start), key: "vrex_\(number)", report: "vrc_1", source: "scheduled",
                    createdAt: start)
                #expect(try store.insert(export, in: transaction))
            }
        }
    }
}
