import CausewayCore
import Storage
import Vendor
import WorkQueue

/// What the vendor has and no export here stands for.
extension ExportCheckResult {
    /// Whether it may be what a trigger of ours, whose answer is not here yet, has made: of its report, and nothing in it
    /// tells whose it is. Who recorded it as somebody else's would have it twice.
    func mayBeAnAnswersOwn(_ said: VendorExport, in transaction: any Transaction) throws -> Bool {
        guard said.webhookTargetURL == nil, said.source ?? "api" == "api", let report = said.report else {
            return false
        }
        return try context.store.isTriggerInDoubt(report: report, in: transaction)
    }

    /// Until that trigger is answered, or given up.
    func holdOff(at now: Timestamp, in transaction: any Transaction) throws {
        try context.queue.reschedule(
            item, at: now + min(.seconds(30), WorkHandler.exponentialBackoff(item.attempt)), now: now,
            error: "it may be the export of a trigger that is not answered yet", in: transaction)
    }

    /// One that we did not trigger.
    func record(_ said: VendorExport, at now: Timestamp, in transaction: any Transaction) throws -> News {
        var export = Export.found(
            id: ExportID(at: now), key: said.key, report: said.report ?? "", source: said.source ?? "api",
            createdAt: said.createdAt ?? now)
        noteHint(on: &export)
        return try record(&export, said, at: now, in: transaction)
    }

    /// One that was given up here, with a failure told to everybody: that stands, and what the vendor has is an export of
    /// its own, to which the vendor's key goes over. It answers later requests for the same like any other; the vendor's
    /// limits count the first alone.
    func recordAfterAll(
        _ said: VendorExport, givenUp: Export, at now: Timestamp, in transaction: any Transaction
    ) throws -> News {
        var export = Export.found(
            id: ExportID(at: now), key: said.key, report: givenUp.report, memberEmail: givenUp.memberEmail,
            showUnexpanded: givenUp.showUnexpanded, source: said.source ?? givenUp.source,
            createdAt: said.createdAt ?? now)
        // Polling told of the failure alone.
        export.seenBy = givenUp.seenBy.filter { $0.key != .poll }
        noteHint(on: &export)
        var ended = givenUp
        let consequences = ended.handOver(to: export.id)
        let contradictions = try context.commit(ended, consequences, at: now, in: transaction)
        var news = try record(&export, said, at: now, in: transaction)
        news.contradictions += contradictions
        news.isEndAfterAll = true
        return news
    }

    /// What told of it, where it was not on record then.
    func noteHint(on export: inout Export) {
        guard let channel = item.payload["channel"]?.string.flatMap(ExportChannel.init),
            let seenAt = item.payload["at"]?.integer
        else { return }
        export.hinted(by: channel, key: nil, at: Timestamp(milliseconds: seenAt))
    }

    private func record(
        _ export: inout Export, _ said: VendorExport, at now: Timestamp, in transaction: any Transaction
    ) throws -> News {
        guard try context.store.insert(export, in: transaction) else { throw StorageError.conflict }
        export.revision = 1
        let consequences = try advance(&export, said, at: now, in: transaction)
        try settle(export, at: now, in: transaction)
        return try commit(export, consequences, at: now, in: transaction)
    }
}
