import CausewayCore
import Logging
import Storage
import Vendor
import WorkQueue

/// The one way to an export's end: asks the vendor, then moves the export on, publishes the event and sets the next
/// check in one transaction. Polls, webhooks and account events are only reasons to run it.
///
/// Its key is ours (`exp_…`) for an export on record, and channel and vendor's key (`event:vrex_…`) for one that a webhook
/// told of.
struct ExportCheckWork: Sendable {
    static let kind = "export.check"

    let context: ExportContext

    var handler: WorkHandler {
        WorkHandler(kind: Self.kind, concurrency: 16) { item in try await run(item) }
    }

    static func draft(_ id: ExportID, dueAt: Timestamp) -> WorkDraft {
        WorkDraft(kind: kind, key: id.text, dueAt: dueAt)
    }

    /// - Parameter channel: what told of it.
    static func draft(vendorKey key: String, seenBy channel: ExportChannel, at now: Timestamp) -> WorkDraft {
        // One item for each channel, so that what the second tells is kept beside the first.
        WorkDraft(
            kind: kind, key: "\(channel.rawValue):\(key)",
            payload: [
                "key": .string(key), "channel": .string(channel.rawValue), "at": .integer(now.milliseconds),
            ], dueAt: now)
    }

    private func run(_ item: WorkItem) async throws -> WorkOutcome {
        guard let key = try await keyToAsk(item) else { return .done }
        context.counters.add(.check)
        let answer: ExportCheckAnswer
        do {
            answer = .said(try await context.vendor.export(key))
        } catch let error as VendorError {
            answer = .failed(error)
            let isOurFault = error.cause == .unauthorized
            context.logger.log(
                level: isOurFault ? .error : .warning,
                isOurFault
                    ? "the vendor does not accept our keys: check vendor.public_key and vendor.secret_key"
                    : "an export's status is asked for again later",
                metadata: ["export": "\(item.key)", "vendor_key": "\(key)", "error": "\(error)"])
        }
        try await conclude(item, askedKey: key, answer)
        return .settled
    }

    /// Writes down what the vendor said, settles the item, and tells of what came of it.
    func conclude(_ item: WorkItem, askedKey key: String, _ answer: ExportCheckAnswer) async throws {
        let news = try await context.engine.write { [context] transaction in
            try ExportCheckResult(context: context, item: item, askedKey: key, answer: answer).write(in: transaction)
        }
        context.tell(news.contradictions)
        if news.isEndAfterAll {
            context.counters.add(.endedAfterAll)
            context.logger.warning(
                "an export that was given up has ended at the vendor: it is on record as one of its own",
                metadata: ["export": "\(item.key)", "vendor_key": "\(key)"])
        }
        if news.isMissed { context.counters.add(.webhookMissed) }
        if let ended = news.ended { context.tell(ended) }
    }

    /// The vendor's key to ask about; nil where there is nothing to learn.
    func keyToAsk(_ item: WorkItem) async throws -> String? {
        guard let id = ExportID(parsing: item.key) else { return item.payload["key"]?.string ?? item.key }
        guard let export = try await context.engine.read({ [context] in try context.store.export(id, in: $0) }) else {
            return nil
        }
        return export.vendorKey ?? export.claimedKey
    }
}

enum ExportCheckAnswer: Sendable {
    case said(VendorExport)
    case failed(VendorError)
}
