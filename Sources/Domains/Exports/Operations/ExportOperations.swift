public import CausewayCore
import Events
public import Storage
import Vendor
import WorkQueue

/// What callers do with exports. Methods throw `ExportOperationError`, and `StorageError` where the store fails.
public struct ExportOperations: Sendable {
    let context: ExportContext

    init(_ context: ExportContext) { self.context = context }

    // MARK: Asking

    /// Asks for an export, or joins the one that is on its way for the same report, member and `show_unexpanded`.
    /// - Parameter recording: runs in the transaction that makes or joins it, with the answer; what it throws undoes all.
    public func request(
        _ request: ExportRequest,
        recording: @escaping @Sendable (RequestedExport, any Transaction) throws -> Void = { _, _ in }
    ) async throws -> RequestedExport {
        let mistakes = request.mistakes(defaultMember: context.settings.memberEmail)
        guard mistakes.isEmpty, let member = request.memberEmail ?? context.settings.memberEmail else {
            throw ExportOperationError.invalid(mistakes)
        }
        let answer = try await context.engine.write { [context] transaction in
            let answer = try Self.answer(request, member, context, at: context.time.now(), in: transaction)
            try recording(answer, transaction)
            return answer
        }
        switch answer.way {
        case .found: context.counters.add(.answeredFromStore)
        case .joined: context.counters.add(.coalesced)
        case .made: break
        }
        return answer
    }

    /// What `request` does, as part of the caller's transaction; for a request without mistakes.
    static func answer(
        _ request: ExportRequest, _ member: String, _ context: ExportContext, at now: Timestamp,
        in transaction: any Transaction
    ) throws -> RequestedExport {
        func answered(_ way: RequestedExport.Way, _ export: Export) -> RequestedExport {
            RequestedExport(way: way, export: export, resource: context.resource.json(of: export))
        }
        func found() throws -> RequestedExport? {
            guard request.maxAge > .zero else { return nil }
            return try context.store.success(
                report: request.report, memberEmail: member, showUnexpanded: request.showUnexpanded,
                since: now - request.maxAge, now: now, in: transaction
            ).map { answered(.found, $0) }
        }
        func joined() throws -> RequestedExport? {
            guard
                var export = try context.store.inFlight(
                    report: request.report, memberEmail: member, showUnexpanded: request.showUnexpanded,
                    in: transaction)
            else { return nil }
            if request.whenLimited == .fail, export.status == .deferred {
                throw ExportOperationError.limited(until: export.notBefore ?? now, now: now)
            }
            export.join(whenLimited: request.whenLimited)
            try context.store.update(export, in: transaction)
            export.revision += 1
            try context.requests.add(
                to: export.id, caller: request.caller, metadata: request.metadata, at: now, in: transaction)
            return answered(.joined, export)
        }
        if let found = try found() { return found }
        // Who joins takes no place, and does not hold up the member's other reports.
        if let joined = try joined() { return joined }
        try context.limits.lock(memberEmail: member, in: transaction)
        // Whoever had the lock may have made one. What ended since it was first looked for is no longer in flight, so
        // it is a success by now.
        if let answer = try joined() ?? found() { return answer }
        let opening = try context.limits.opening(
            report: request.report, memberEmail: member, at: now, in: transaction)
        if let opening, request.whenLimited == .fail {
            throw ExportOperationError.limited(until: opening, now: now)
        }
        var export = Export.requested(
            id: ExportID(at: now), report: request.report, memberEmail: member,
            showUnexpanded: request.showUnexpanded, metadata: request.metadata, whenLimited: request.whenLimited,
            notBefore: opening, hookToken: Secret(RandomToken.make()), at: now)
        guard try context.store.insert(export, in: transaction) else { throw StorageError.conflict }
        export.revision = 1
        try context.requests.add(
            to: export.id, caller: request.caller, metadata: request.metadata, at: now, in: transaction)
        try context.queue.enqueue(
            ExportTriggerWork.draft(export.id, dueAt: opening ?? now), at: now, in: transaction)
        return answered(.made, export)
    }

    /// Withdraws the caller's request; the last one withdrawn cancels an export that has not reached the vendor.
    /// - Parameters:
    ///   - id: ours or the vendor's.
    ///   - caller: as in the request; nil withdraws everybody's, for an operator.
    ///   - recording: as for `request`.
    public func cancel(
        _ id: String, caller: String?,
        recording: @escaping @Sendable (Export, any Transaction) throws -> Void = { _, _ in }
    ) async throws -> Export {
        try await context.engine.write { [context] transaction in
            let now = context.time.now()
            guard var export = try Self.find(id, toChange: true, context, in: transaction) else {
                throw ExportOperationError.notFound
            }
            let count = try context.requests.withdraw(from: export.id, caller: caller, at: now, in: transaction)
            if count == 0 {
                if let caller, try !context.requests.hasAsked(caller, for: export.id, in: transaction) {
                    throw ExportOperationError.notAsked
                }
                // Withdrawn before: the same answer again.
                try recording(export, transaction)
                return export
            }
            guard export.withdraw(count, at: now) else {
                throw export.status.isEnd
                    ? ExportOperationError.ended(export.status) : ExportOperationError.atVendor
            }
            try context.store.update(export, in: transaction)
            export.revision += 1
            try recording(export, transaction)
            return export
        }
    }

    // MARK: Looking

    /// - Parameter id: ours (`exp_…`) or the vendor's (`vrex_…`).
    public func export(_ id: String) async throws -> Export {
        guard let export = try await context.engine.read({ [context] in try Self.find(id, context, in: $0) }) else {
            throw ExportOperationError.notFound
        }
        return export
    }

    /// One export as callers see it. Throws `notFound`.
    /// - Parameter id: ours or the vendor's.
    public func shown(_ id: String) async throws -> RenderedJSON {
        let shown = try await context.engine.read { [context] transaction -> RenderedJSON? in
            guard let (own, revision) = try Self.revision(id, context, in: transaction) else { return nil }
            if let kept = context.rendered.text(of: own, revision: revision) { return kept }
            guard let export = try context.store.export(own, in: transaction) else { return nil }
            let text = RenderedJSON(context.resource.json(of: export))
            context.rendered.keep(text, of: own, revision: revision)
            return text
        }
        guard let shown else { throw ExportOperationError.notFound }
        return shown
    }

    private static func revision(
        _ id: String, _ context: ExportContext, in transaction: any Transaction
    ) throws -> (ExportID, Int64)? {
        if let own = ExportID(parsing: id) { return try context.store.revision(of: own, in: transaction) }
        return try context.store.revision(vendorKey: id, in: transaction)
    }

    /// Holds the answer until the export stands still for its callers, or `deadline` is there.
    public func export(_ id: String, waitingUntil deadline: Timestamp) async throws -> Export {
        let first = try await export(id)
        if first.status.standsStill { return first }
        return try await context.engine.signals.withSubscription(to: [ExportStore.topic(first.id)]) { signal in
            while true {
                let export = try await export(id)
                let now = context.time.now()
                guard !export.status.standsStill, now < deadline else { return export }
                // Looked at every two seconds besides: another gateway's signal may not come here.
                _ = try await signal.next(until: min(deadline, now + .seconds(2)), by: context.time)
            }
        }
    }

    /// Newest first. Each filter is any of its values, none where empty.
    public func list(
        _ page: PageRequest, status: [ExportStatus] = [], report: [String] = [], source: [String] = []
    ) async throws -> Page<Export> {
        try await context.engine.read { [context] in
            try context.store.list(page, status: status, report: report, source: source, in: $0)
        }
    }

    /// As callers see it.
    public func resource(of export: Export) -> JSONValue {
        context.resource.json(of: export)
    }

    static func find(
        _ id: String, toChange: Bool = false, _ context: ExportContext, in transaction: any Transaction
    ) throws -> Export? {
        if let own = ExportID(parsing: id) {
            return try context.store.export(own, toChange: toChange, in: transaction)
        }
        return try context.store.export(vendorKey: id, toChange: toChange, in: transaction)
    }
}
