import CausewayCore
import Storage
public import Vendor

/// The files of an export, passed through from the vendor while they are read.
public struct ExportFiles: Sendable {
    let context: ExportContext

    init(_ context: ExportContext) { self.context = context }

    /// Opens one file of a success. A link that has died is asked for anew, once.
    ///
    /// Throws `ExportOperationError`: `notFound`, `notReady`, `noSuchFile`, `gone`, `vendor`.
    /// - Parameters:
    ///   - id: ours or the vendor's.
    ///   - name: of a part or the zip, as in the resource.
    public func open(_ id: String, _ name: String) async throws -> VendorDownload {
        guard
            let found = try await context.engine.read({ [context] in
                try ExportOperations.find(id, context, in: $0)
            })
        else { throw ExportOperationError.notFound }
        var export = found
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
                return try await context.vendor.openDownload(url)
            } catch let error as VendorError {
                // Signed links that have died answer 400, 401, 403, 404 or 410, by the store behind them.
                guard mayAskAgain, error.status.map({ (400..<500).contains($0) && $0 != 429 }) ?? true else {
                    throw ExportOperationError.vendor(error)
                }
                mayAskAgain = false
                export = try await refreshed(export)
            }
        }
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
            said = try await context.vendor.export(key, priority: .urgent)
        } catch let error as VendorError {
            throw ExportOperationError.vendor(error)
        }
        let (now, contradictions) = try await context.engine.write { [context] transaction in
            let now = context.time.now()
            guard var fresh = try context.store.export(export.id, in: transaction) else {
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
