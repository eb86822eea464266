public import Storage
import Synchronization
public import Testing

/// The engine that `TestDatabase` takes in the running test.
public enum TestEngine {
    @TaskLocal public static var current = SQLDialect.Name.sqlite
    @TaskLocal fileprivate static var endings: TestEndings?

    struct NoEnd: Error {}

    /// Has something done when the running test is over, the last asked for first.
    static func atTheEnd(_ action: @escaping @Sendable () async throws -> Void) throws {
        guard let endings else { throw NoEnd() }
        endings.actions.withLock { $0.append(action) }
    }
}

/// Runs each test of a suite once on each engine, and says in its issues on which one they came up.
public struct EveryEngineTrait: SuiteTrait, TestTrait, TestScoping {
    public var isRecursive: Bool { true }

    @concurrent
    public func provideScope(
        for test: Test, testCase: Test.Case?,
        performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        let only = test.traits.lazy.compactMap { ($0 as? OneEngineTrait)?.engine }.first
        for engine in only.map({ [$0] }) ?? [.sqlite, .postgres] {
            let naming = IssueHandlingTrait.compactMapIssues { issue in
                var issue = issue
                issue.comments.append("on \(engine.rawValue)")
                return issue
            }
            try await naming.provideScope(for: test, testCase: testCase) {
                // One engine's failure does not keep the test from the next.
                do {
                    try await TestEngine.$current.withValue(engine) { try await Self.ending(function) }
                } catch {
                    if !Self.isOnRecord(error) { Issue.record(error, sourceLocation: test.sourceLocation) }
                }
            }
        }
    }

    private static func ending(_ function: @concurrent @Sendable () async throws -> Void) async throws {
        let endings = TestEndings()
        let result: Result<Void, any Error>
        do {
            result = .success(try await TestEngine.$endings.withValue(endings) { try await function() })
        } catch {
            result = .failure(error)
        }
        for action in endings.actions.withLock({ $0 }).reversed() { try await action() }
        try result.get()
    }

    /// What `#require` throws has been recorded by it.
    private static func isOnRecord(_ error: any Error) -> Bool {
        "\(type(of: error))" == "ExpectationFailedError"
    }
}

extension Trait where Self == EveryEngineTrait {
    public static var onEveryEngine: Self { Self() }
}

/// Of a test in a suite that runs on every engine: what it says holds on one alone.
public struct OneEngineTrait: TestTrait {
    let engine: SQLDialect.Name
}

extension Trait where Self == OneEngineTrait {
    public static func only(on engine: SQLDialect.Name) -> Self { Self(engine: engine) }
}

private final class TestEndings: Sendable {
    let actions = Mutex<[@Sendable () async throws -> Void]>([])
}
