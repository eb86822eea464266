import Synchronization
public import Testing

/// What a test that needs real time takes for its limits.
public enum RealTime {
    /// Short, so that tests are quick; longer where the machine did not keep up with it.
    @TaskLocal public static var limit = Duration.milliseconds(300)

    fileprivate static let limits: [Duration] = [.milliseconds(300), .seconds(2), .seconds(10)]
}

/// Of a test in which something must happen before a limit of real time is over, which a busy machine may miss. Where
/// it fails it is run again with a longer `RealTime.limit`; only what fails with the last one has failed.
public struct RealTimeTrait: SuiteTrait, TestTrait, TestScoping {
    public var isRecursive: Bool { true }

    @concurrent
    public func provideScope(
        for test: Test, testCase: Test.Case?,
        performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        for limit in RealTime.limits.dropLast() {
            let hasFailed = Mutex(false)
            let silence = IssueHandlingTrait.compactMapIssues { _ in
                hasFailed.withLock { $0 = true }
                return nil
            }
            do {
                try await silence.provideScope(for: test, testCase: testCase) {
                    try await RealTime.$limit.withValue(limit) { try await function() }
                }
                if !hasFailed.withLock(\.self) { return }
            } catch {}
        }
        try await RealTime.$limit.withValue(RealTime.limits[RealTime.limits.count - 1]) { try await function() }
    }
}

extension Trait where Self == RealTimeTrait {
    public static var inRealTime: Self { Self() }
}
