import CausewayCore
import Support
import Synchronization
import Testing
import Vendor

@testable import Exports

@Suite("Answers of the vendor that are kept")
struct KeptAnswersTests {
    /// A vendor that counts, and may not answer.
    private final class Vendor: Sendable {
        let asked = Mutex(0)
        let failure = Mutex<VendorError?>(nil)

        @Sendable func ask() async throws -> Int {
            // Whoever asks at the same time gets in before this one has its answer.
            for _ in 0..<20 { await Task.yield() }
            if let failure = failure.withLock(\.self) {
                asked.withLock { $0 += 1 }
                throw failure
            }
            return asked.withLock {
                $0 += 1
                return $0
            }
        }

        var count: Int { asked.withLock(\.self) }

        func fails(_ cause: VendorError.Cause?) {
            failure.withLock {
                $0 = cause.map { VendorError(cause: $0, action: .retry(after: nil), status: 500, message: "no") }
            }
        }
    }

    private let time = ManualTimeSource()
    private let vendor = Vendor()
    private let answers: KeptAnswers<Int>

    init() { answers = KeptAnswers(maximum: 3, age: .seconds(300), time: time) }

    private func answer(_ key: String = "a") async throws -> Int {
        try await answers.answer(key, asking: vendor.ask).value
    }

    @Test("However many ask at once, the vendor is asked once, and again when the answer is old")
    func together() async throws {
        let values = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<100 { group.addTask { try await answer() } }
            return try await group.reduce(into: [Int]()) { $0.append($1) }
        }
        #expect(values == Array(repeating: 1, count: 100) && vendor.count == 1)
        time.advance(by: .seconds(299))
        #expect(try await answer() == 1)
        time.advance(by: .seconds(1))
        #expect(try await answer() == 2)
    }

    @Test("Where the vendor does not answer, what it said last is given however old, and it is left alone for a while")
    func failing() async throws {
        #expect(try await answer() == 1)
        time.advance(by: .seconds(3600))
        vendor.fails(.refused)
        let asked = time.now() - .seconds(3600)
        for _ in 1...5 { #expect(try await answers.answer("a", asking: vendor.ask).fetchedAt == asked) }
        #expect(vendor.count == 2)
        time.advance(by: SavedReports.pause)
        vendor.fails(nil)
        #expect(try await answer() == 3)
    }

    @Test("Without an earlier answer its error is given, by the vendor once and then by memory")
    func neverAnswered() async throws {
        vendor.fails(.refused)
        for _ in 1...5 { await #expect(throws: ExportOperationError.self) { try await answer() } }
        #expect(vendor.count == 1)
        time.advance(by: SavedReports.pause)
        await #expect(throws: ExportOperationError.self) { try await answer() }
        #expect(vendor.count == 2)
    }

    @Test("What the vendor says is not there is forgotten, and not asked for at once; the number of answers is bounded")
    func bounded() async throws {
        #expect(try await answer() == 1)
        time.advance(by: .seconds(300))
        vendor.fails(.notFound)
        for _ in 1...2 { await #expect(throws: ExportOperationError.self) { try await answer() } }
        #expect(vendor.count == 2)
        vendor.fails(nil)
        time.advance(by: SavedReports.pause)
        for key in ["a", "b", "c", "d", "e"] { _ = try await answer(key) }
        #expect(vendor.count == 7)
        #expect(try await answer("e") == 7)
    }
}
