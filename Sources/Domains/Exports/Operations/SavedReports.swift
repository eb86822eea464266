public import CausewayCore
import Synchronization
import Vendor

/// The vendor's saved reports, kept in memory for a while. Only for people to choose from: whether a report is good is
/// decided by the vendor's answer to a trigger.
public final class SavedReports: Sendable {
    /// What the vendor said, and when.
    public struct Answer<Value: Sendable>: Sendable {
        public let value: Value
        public let fetchedAt: Timestamp
    }

    private struct Cache {
        var all: Answer<[JSONValue]>?
        var single: [String: Answer<JSONValue>] = [:]
    }

    private static let maximumPages = 40
    private static let maximumSingle = 1000

    private let context: ExportContext
    private let cache = Mutex(Cache())

    init(_ context: ExportContext) { self.context = context }

    /// All of them, as callers see them. Where the vendor does not answer, what it said last however old.
    /// Throws `ExportOperationError.vendor`.
    public func list() async throws -> Answer<[JSONValue]> {
        let kept = cache.withLock(\.all)
        if let kept, isYoung(kept.fetchedAt) { return kept }
        do {
            var reports: [VendorReport] = []
            var after: String?
            for _ in 0..<Self.maximumPages {
                let page = try await context.vendor.reports(after: after)
                reports += page.items
                guard let next = page.next else { break }
                after = next
            }
            let answer = Answer(value: reports.map(Self.resource), fetchedAt: context.time.now())
            cache.withLock { $0.all = answer }
            return answer
        } catch let error as VendorError {
            guard let kept else { throw ExportOperationError.vendor(error) }
            return kept
        }
    }

    /// One of them. Throws `ExportOperationError`: `vendor` with cause `notFound` where the vendor has none such.
    public func report(_ key: String) async throws -> Answer<JSONValue> {
        let kept = cache.withLock { $0.single[key] }
        if let kept, isYoung(kept.fetchedAt) { return kept }
        do {
            let answer = Answer(
                value: Self.resource(try await context.vendor.report(key)), fetchedAt: context.time.now())
            cache.withLock { cache in
                if cache.single.count >= Self.maximumSingle { cache.single = [:] }
                cache.single[key] = answer
            }
            return answer
        } catch let error as VendorError {
            guard error.cause != .notFound, let kept else { throw ExportOperationError.vendor(error) }
            return kept
        }
    }

    private func isYoung(_ fetchedAt: Timestamp) -> Bool {
        context.time.now() < fetchedAt + context.settings.reportsAge
    }

    /// `{"key","name","report_type","vendor"}`; `vendor` holds the vendor's other members, whole.
    private static func resource(_ report: VendorReport) -> JSONValue {
        let others = (report.whole.object ?? [:]).filter { !["key", "name", "report_type"].contains($0.key) }
        return [
            "key": .string(report.key), "name": .optional(report.name), "report_type": .optional(report.reportType),
            "vendor": .object(others),
        ]
    }
}
