public import CausewayCore
import Vendor

/// The vendor's saved reports, kept in memory for a while. Only for people to choose from: whether a report is good is
/// decided by the vendor's answer to a trigger.
public final class SavedReports: Sendable {
    /// What the vendor said, and when.
    public struct Answer<Value: Sendable>: Sendable {
        public let value: Value
        public let fetchedAt: Timestamp
    }

    private static let maximumPages = 40
    private static let maximumSingle = 1000
    /// How long the vendor is left alone after it did not answer as it should.
    static let pause = Duration.seconds(10)

    private let context: ExportContext
    private let all: KeptAnswers<[JSONValue]>
    private let single: KeptAnswers<JSONValue>

    init(_ context: ExportContext) {
        self.context = context
        all = KeptAnswers(maximum: 1, age: context.settings.reportsAge, time: context.time)
        single = KeptAnswers(maximum: Self.maximumSingle, age: context.settings.reportsAge, time: context.time)
    }

    /// All of them, as callers see them. Where the vendor does not answer, what it said last however old.
    /// Throws `ExportOperationError.vendor`.
    public func list() async throws -> Answer<[JSONValue]> {
        try await all.answer("") { [context] in
            var reports: [VendorReport] = []
            var after: String?
            for _ in 0..<Self.maximumPages {
                let page = try await context.vendor.reports(after: after)
                reports += page.items
                guard let next = page.next else { break }
                after = next
            }
            return reports.map(Self.resource)
        }
    }

    /// One of them. Throws `ExportOperationError`: `vendor` with cause `notFound` where the vendor has none such.
    public func report(_ key: String) async throws -> Answer<JSONValue> {
        try await single.answer(key) { [context] in Self.resource(try await context.vendor.report(key)) }
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
