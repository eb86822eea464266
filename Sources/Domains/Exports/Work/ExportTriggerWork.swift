import CausewayCore
import Logging
import Storage
import Vendor
import WorkQueue

/// Brings an export to the vendor: at most one trigger whose outcome is not known, ever.
///
/// 1. *About to send* is durable before the call goes out. Who finds it so later knows that a trigger may be out.
/// 2. The call goes out once, on a connection of its own.
/// 3. What came of it is written down, even where the lease was lost meanwhile: an answer is never thrown away.
struct ExportTriggerWork: Sendable {
    static let kind = "export.trigger"

    let context: ExportContext

    var handler: WorkHandler {
        WorkHandler(kind: Self.kind, concurrency: 8) { item in try await run(item) }
    }

    static func draft(_ id: ExportID, dueAt: Timestamp) -> WorkDraft {
        WorkDraft(kind: kind, key: id.text, dueAt: dueAt)
    }

    private enum TakenUp {
        case send(Export)
        case settled
    }

    func run(_ item: WorkItem) async throws -> WorkOutcome {
        guard let id = ExportID(parsing: item.key) else { return .bury("\(item.key) names no export") }
        // Before it is written down, so that "about to send" and the sending lie close together.
        try await context.vendor.waitForTurn()
        guard case .send(let export) = try await takeUp(id, item) else { return .settled }
        guard let token = export.hookToken, let member = export.memberEmail, let sentAt = export.sentAt else {
            return .done
        }
        let trigger = ExportTrigger(
            report: export.report, memberEmail: member,
            webhookTargetURL: context.settings.exportHookURL(token), showUnexpanded: export.showUnexpanded)
        context.counters.add(.trigger)
        do {
            let said = try await context.vendor.triggerExport(trigger, hasTurn: true)
            try await settle(id, item, sentAt: sentAt, .taken(said))
        } catch let error as VendorError {
            let answer = ExportTriggerAnswer(
                error, window: context.settings.limits.window, backoff: WorkHandler.exponentialBackoff(item.attempt),
                now: context.time.now())
            note(error, answer, export)
            try await settle(id, item, sentAt: sentAt, answer)
        }
        return .settled
    }

    /// Where nobody knows whether the commit holds, it is looked again: nothing has gone out yet, and the time names
    /// this attempt.
    private func takeUp(_ id: ExportID, _ item: WorkItem) async throws -> TakenUp {
        let now = context.time.now()
        return try await CommitDoubt.lookAgain { try await takeUp(id, item, at: now, isFirstLook: $0) }
    }

    private func takeUp(_ id: ExportID, _ item: WorkItem, at now: Timestamp, isFirstLook: Bool) async throws -> TakenUp
    {
        let (taken, contradictions, ended) = try await context.engine.write { [context] transaction in
            guard let member = try context.store.export(id, in: transaction)?.memberEmail else {
                try context.queue.complete(item, at: now, in: transaction)
                return (TakenUp.settled, [String](), ExportStatus?.none)
            }
            try context.limits.lock(memberEmail: member, in: transaction)
            guard var export = try context.store.export(id, toChange: true, in: transaction) else {
                throw StorageError.conflict
            }
            if !isFirstLook, export.triggerState == .sending, export.sentAt == now {
                try context.queue.renew(item, at: context.time.now(), in: transaction)
                return (.send(export), [], nil)
            }
            let before = export
            let opening = try context.limits.opening(
                report: export.report, memberEmail: member, excluding: id, at: now, in: transaction)
            let step = export.takeUpTrigger(
                at: now, opening: opening, unknownPatience: context.settings.unknownPatience,
                asksAgainWithin: context.settings.asksAgainWithin, triggerPatience: context.settings.triggerPatience)
            var consequences: [ExportConsequence] = []
            switch step {
            // A process that was asleep leaves the sending to whoever has the item by now.
            case .send: try context.queue.renew(item, at: context.time.now(), in: transaction)
            case .wait(let until):
                try context.queue.reschedule(item, at: until, now: now, resetsAttempts: true, in: transaction)
            case .settled(let following):
                consequences = following
                try context.queue.complete(item, at: now, in: transaction)
            }
            let contradictions =
                export == before ? [] : try context.commit(export, consequences, at: now, in: transaction)
            let ended = export.status != before.status && export.status.isEnd ? export.status : nil
            return (step == .send ? .send(export) : .settled, contradictions, ended)
        }
        if let ended { context.counters.addEnd(ended) }
        context.tell(contradictions)
        return taken
    }

    /// Tried again where the store fails: what the vendor answered is known here and nowhere else.
    func settle(
        _ id: ExportID, _ item: WorkItem, sentAt: Timestamp, _ answer: ExportTriggerAnswer
    ) async throws {
        try await CommitDoubt.insist(by: context.time) { error in
            context.logger.error(
                "a trigger's answer could not be written", metadata: ["export": "\(id)", "error": "\(error)"])
        } _: {
            try await write(id, item, sentAt: sentAt, answer)
        }
    }

    private func write(_ id: ExportID, _ item: WorkItem, sentAt: Timestamp, _ answer: ExportTriggerAnswer) async throws
    {
        let (contradictions, ended) = try await context.engine.write {
            [context] transaction -> ([String], ExportStatus?) in
            let now = context.time.now()
            guard var export = try context.store.export(id, toChange: true, in: transaction) else { return ([], nil) }
            // Another trigger went out since: what came of this one says nothing of that, unless the vendor took it.
            guard answer.isTaken || export.sentAt == sentAt else { return ([], nil) }
            let before = export.status
            let consequences: [ExportConsequence]
            if case .taken(let said) = answer,
                let other = try context.store.export(vendorKey: said.key, in: transaction), other.id != id
            {
                consequences = export.triggerAnswered(said, onRecordAs: other.id, at: now)
            } else {
                consequences = answer.apply(to: &export, at: now)
            }
            if let again = Self.again(export, answer, context, now) {
                do {
                    try context.queue.reschedule(
                        item, at: again, now: now, error: export.error?.message, in: transaction)
                } catch WorkQueueError.leaseLost {
                    try context.queue.enqueue(Self.draft(id, dueAt: again), at: now, in: transaction)
                }
            } else {
                do {
                    try context.queue.complete(item, at: now, in: transaction)
                } catch WorkQueueError.leaseLost {}
            }
            if let check = export.nextCheck(
                after: now, every: context.settings.pollFast.jittered(by: 0.2), grace: context.settings.expiryGrace)
            {
                try context.queue.enqueue(ExportCheckWork.draft(id, dueAt: check), at: now, in: transaction)
            }
            let ended = export.status != before && export.status.isEnd ? export.status : nil
            return (try context.commit(export, consequences, at: now, in: transaction), ended)
        }
        if let ended { context.counters.addEnd(ended) }
        context.tell(contradictions)
    }

    /// When the trigger is taken up again; nil where it has done its part.
    private static func again(
        _ export: Export, _ answer: ExportTriggerAnswer, _ context: ExportContext, _ now: Timestamp
    ) -> Timestamp? {
        switch (export.status, export.triggerState) {
        case (.deferred, _): return export.notBefore ?? now
        case (.requested, .unknown):
            return export.nextLook(
                after: now, unknownPatience: context.settings.unknownPatience,
                asksAgainWithin: context.settings.asksAgainWithin)
        case (.requested, _): return answer.again ?? now
        default: return nil
        }
    }

    private func note(_ error: VendorError, _ answer: ExportTriggerAnswer, _ export: Export) {
        let metadata: Logger.Metadata = [
            "export": "\(export.id)", "report": "\(export.report)", "error": "\(error)",
        ]
        switch answer {
        case .lost:
            context.counters.add(.unknownOutcome)
            context.logger.warning("a trigger's outcome is not known: waiting for a webhook", metadata: metadata)
        case .refused: context.logger.warning("the vendor refused an export", metadata: metadata)
        case .limited: context.logger.notice("the vendor's limit is shut", metadata: metadata)
        case .notTaken where error.cause == .unauthorized:
            context.logger.error(
                "the vendor does not accept our keys: check vendor.public_key and vendor.secret_key",
                metadata: metadata)
        case .notTaken, .taken: context.logger.warning("an export is triggered again later", metadata: metadata)
        }
    }
}
