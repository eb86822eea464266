import CausewayCore
import Logging
import Storage
import Vendor
import WorkQueue

/// What a status call came to, written down.
struct ExportCheckResult: Sendable {
    let context: ExportContext
    let item: WorkItem
    let askedKey: String
    let answer: ExportCheckAnswer

    /// An export that the vendor has just been asked for may not be known everywhere there at once.
    private static let unknownTolerance = Duration.seconds(600)

    /// What is to be told once it is durable.
    struct News: Sendable {
        var contradictions: [String]
        /// The export, where it has just ended.
        var ended: Export?
        /// Whether no webhook had told of it.
        var isMissed = false
        /// Whether it had been given up.
        var isEndAfterAll = false
    }

    func write(in transaction: any Transaction) throws -> News {
        let now = context.time.now()
        switch answer {
        case .said(let said): return try write(said, at: now, in: transaction)
        case .failed(let error): return try write(error, at: now, in: transaction)
        }
    }

    func commit(
        _ export: Export, _ consequences: [ExportConsequence], at now: Timestamp, in transaction: any Transaction
    ) throws -> News {
        let contradictions = try context.commit(export, consequences, at: now, in: transaction)
        let hasEnded = consequences.contains { if case .publish = $0 { true } else { false } }
        return News(
            contradictions: contradictions, ended: hasEnded ? export : nil,
            isMissed: hasEnded && export.status == .success && export.seenBy[.poll] == now)
    }

    // MARK: The vendor told

    private func write(_ said: VendorExport, at now: Timestamp, in transaction: any Transaction) throws -> News {
        guard var export = try subject(said, in: transaction) else {
            if try mayBeAnAnswersOwn(said, in: transaction) {
                try holdOff(at: now, in: transaction)
                return News(contradictions: [])
            }
            return try record(said, at: now, in: transaction)
        }
        let before = export
        if export.isGivenUp(though: said), isMeant(said, by: export) {
            return try recordAfterAll(said, givenUp: export, at: now, in: transaction)
        }
        guard export.vendorKey != nil || isMeant(said, by: export) else {
            export.claimedKey = nil
            try context.queue.complete(item, at: now, in: transaction)
            return try commit(
                export, export.contradiction("a webhook claims \(said.key), which the vendor has otherwise"), at: now,
                in: transaction)
        }
        noteHint(on: &export)
        let consequences = try advance(&export, said, at: now, in: transaction)
        try settle(export, at: now, in: transaction)
        if export == before {
            return News(contradictions: try context.follow(export, consequences, at: now, in: transaction))
        }
        return try commit(export, consequences, at: now, in: transaction)
    }

    /// The export on record that the vendor's entity is: by its key, else by our token in its target URL.
    private func subject(_ said: VendorExport, in transaction: any Transaction) throws -> Export? {
        if let export = try context.store.export(vendorKey: said.key, toChange: true, in: transaction) { return export }
        if let id = ExportID(parsing: item.key) {
            return try context.store.export(id, toChange: true, in: transaction)
        }
        guard let token = said.webhookTargetURL.flatMap(ExportHooks.token) else { return nil }
        return try context.store.export(hookToken: token, toChange: true, in: transaction)
    }

    /// Whether an entity whose key only a webhook named can be this export.
    private func isMeant(_ said: VendorExport, by export: Export) -> Bool {
        if let report = said.report, report != export.report { return false }
        guard let url = said.webhookTargetURL, let token = export.hookToken else { return true }
        return ExportHooks.token(in: url).map(token.matches) ?? false
    }

    func advance(
        _ export: inout Export, _ said: VendorExport, at now: Timestamp, in transaction: any Transaction
    ) throws -> [ExportConsequence] {
        let wasQueued = !export.status.isEnd
        var consequences = export.vendorSays(said, at: now)
        if export.status == .queued, let queuedAt = export.queuedAt, now >= queuedAt + context.settings.pollPatience {
            let told = said.whole["status"]?.string ?? ""
            consequences += export.abandon(
                ExportError(
                    code: "vendor_timeout",
                    message: """
                        The vendor still says \(told), \(DurationText.format(context.settings.pollPatience)) after \
                        it took the export.
                        """), at: now)
        }
        if export.status == .success, let expiresAt = export.expiresAt, now >= expiresAt + context.settings.expiryGrace
        {
            consequences += export.linksDied(nil, at: now)
        }
        if wasQueued, export.status.isEnd, export.seenBy[.webhook] == nil, export.seenBy[.event] == nil {
            export.seenBy[.poll] = now
            // Failures are told by no webhook: they say nothing about whether webhooks arrive.
            if export.status == .success {
                try context.facts.hookMissed(at: now, in: transaction)
            }
        }
        return consequences
    }

    // MARK: The vendor did not tell

    private func write(_ error: VendorError, at now: Timestamp, in transaction: any Transaction) throws -> News {
        let export =
            try ExportID(parsing: item.key).map { try context.store.export($0, toChange: true, in: transaction) }
            ?? context.store.export(vendorKey: askedKey, toChange: true, in: transaction)
        guard var export, export.vendorKey != nil else {
            // Only a webhook's word: dropped where the vendor keeps saying that it has no such export.
            if case .giveUp = error.action, item.attempt >= 5 {
                try context.queue.complete(item, at: now, in: transaction)
            } else {
                try retry(error, at: now, in: transaction)
            }
            return News(contradictions: [])
        }
        let since = now.since(export.queuedAt ?? export.requestedAt)
        // The vendor speaks JSON: anything else is somebody in between.
        let isVendors = error.answer != .none
        let consequences: [ExportConsequence]
        switch (error.cause, export.status) {
        case (.notFound, .queued) where isVendors && since >= Self.unknownTolerance:
            consequences = export.abandon(
                ExportError(
                    code: "vendor_lost_export", message: "The vendor no longer knows this export: \(error.message)",
                    vendor: error.answer ?? .null), at: now)
        case (.notFound, .success) where isVendors && (export.expiresAt.map { $0 <= now } ?? true):
            consequences = export.linksDied(nil, at: now)
        case (_, .queued) where since >= context.settings.silencePatience:
            consequences = export.abandon(
                ExportError(
                    code: "vendor_silent", message: "The vendor gives no answer about this export: \(error)",
                    vendor: error.answer ?? .null), at: now)
        default:
            try retry(error, at: now, in: transaction)
            return News(contradictions: [])
        }
        try settle(export, at: now, in: transaction)
        return try commit(export, consequences, at: now, in: transaction)
    }

    private func retry(_ error: VendorError, at now: Timestamp, in transaction: any Transaction) throws {
        let backoff = WorkHandler.exponentialBackoff(item.attempt)
        let again: Timestamp
        switch error.action {
        case .retry(let after): again = now + (after ?? backoff)
        case .waitUntil(let time): again = time ?? now + .seconds(60)
        case .giveUp, .unknownOutcome: again = now + max(backoff, context.settings.pollFast)
        }
        try context.queue.reschedule(item, at: again, now: now, error: error.description, in: transaction)
    }

    // MARK: Next

    /// The item goes, or comes back when the vendor must be asked again. From a hint by the vendor's key on, the
    /// export is looked after under its own.
    func settle(_ export: Export, at now: Timestamp, in transaction: any Transaction) throws {
        let arrive = try context.facts.hooksArrive(in: transaction)
        let interval = try context.pace.interval(
            arrive ? context.settings.pollSlow : context.settings.pollFast, at: now, in: transaction)
        let next = export.nextCheck(
            after: now, every: interval.jittered(by: 0.2), grace: context.settings.expiryGrace)
        if item.key == export.id.text, let next {
            try context.queue.reschedule(item, at: next, now: now, resetsAttempts: true, in: transaction)
            return
        }
        try context.queue.complete(item, at: now, in: transaction)
        if let next {
            try context.queue.enqueue(ExportCheckWork.draft(export.id, dueAt: next), at: now, in: transaction)
        }
    }
}
