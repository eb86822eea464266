import CausewayCore
import Storage
import Vendor

/// The vendor's links to an export's files. They die, and a status call gives fresh ones.
struct ExportLinks: Sendable {
    let context: ExportContext
    /// Of the status calls.
    let priority: RequestBudget.Priority

    /// Opens one file of a success. A link that has died is asked for anew, once.
    ///
    /// Throws `ExportOperationError`: `notFound`, `notReady`, `noSuchFile`, `gone`, `vendor`.
    /// - Parameter position: as for `VendorClient.openDownload`.
    func open(_ export: Export, _ name: String, from position: DownloadPosition? = nil) async throws -> VendorDownload {
        var export = export
        try Self.checkReady(export)
        var mayAskAgain = true
        if let expiresAt = export.expiresAt, expiresAt <= context.time.now() {
            export = try await refreshed(export)
            mayAskAgain = false
        }
        while true {
            guard let file = export.file(named: name) else { throw ExportOperationError.noSuchFile(name) }
            do {
                guard let url = file.url else {
                    throw VendorError(
                        cause: .unusableAnswer, action: .retry(after: nil), status: nil,
                        message: "the vendor gave no link to \(name)")
                }
                return try await context.vendor.openDownload(url, from: position)
            } catch let error as VendorError {
                guard mayAskAgain, Self.mayBeDead(error) else { throw ExportOperationError.vendor(error) }
                mayAskAgain = false
                export = try await refreshed(export)
            }
        }
    }

    /// Signed links that have died answer 400, 401, 403, 404 or 410, by the store behind them.
    private static func mayBeDead(_ error: VendorError) -> Bool {
        error.status.map { (400..<500).contains($0) && $0 != 416 && $0 != 429 } ?? true
    }

    private static func checkReady(_ export: Export) throws {
        switch export.status {
        case .success: return
        case .expired:
            throw ExportOperationError.gone(
                "The vendor's links died\(export.expiresAt.map { " at \($0.rfc3339)" } ?? ""). Ask for a new export.")
        case .requested, .deferred, .queued, .failure, .cancelled:
            throw ExportOperationError.notReady(export.status)
        }
    }

    /// As the vendor has it now; what it says is written down like any check's.
    private func refreshed(_ export: Export) async throws -> Export {
        guard let key = export.vendorKey else { throw ExportOperationError.notReady(export.status) }
        let said: VendorExport
        do {
            said = try await context.vendor.export(key, priority: priority)
        } catch let error as VendorError {
            throw ExportOperationError.vendor(error)
        }
        let (now, contradictions) = try await context.engine.write { [context] transaction in
            let now = context.time.now()
            guard var fresh = try context.store.export(export.id, toChange: true, in: transaction) else {
                throw ExportOperationError.notFound
            }
            let before = fresh
            let consequences = fresh.vendorSays(said, at: now)
            if fresh == before { return (fresh, try context.follow(fresh, consequences, at: now, in: transaction)) }
            return (fresh, try context.commit(fresh, consequences, at: now, in: transaction))
        }
        context.tell(contradictions)
        try Self.checkReady(now)
        return now
    }
}
