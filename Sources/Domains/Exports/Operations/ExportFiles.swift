import CausewayCore
import FileStore
import Logging
import Storage
import Vendor

/// The files of an export: from the mirror, and passed through from the vendor while they are not there yet.
public struct ExportFiles: Sendable {
    let context: ExportContext

    init(_ context: ExportContext) { self.context = context }

    /// Opens one file of a success.
    ///
    /// Throws `ExportOperationError`: `notFound`, `notReady`, `noSuchFile`, `gone`, `vendor`.
    /// - Parameters:
    ///   - id: ours or the vendor's.
    ///   - name: of a part or the zip, as in the resource.
    public func open(_ id: String, _ name: String) async throws -> ExportFileContent {
        let (export, file) = try await find(id, name)
        switch file?.state {
        case .mirrored:
            if let file, let content = try await stored(file) { return content }
            // It may have been removed since it was looked up.
            if let file = try await find(id, name).file, file.state == .removed { throw Self.removed(file) }
            context.logger.error(
                "a mirrored file is missing on the disk, or is not as it was",
                metadata: ["export": "\(export.id)", "file": "\(name)", "stored_as": "\(file?.storedName ?? "")"])
            throw ExportOperationError.gone(
                "The mirrored file is missing on the gateway's disk. Ask for a new export, and tell the operator.")
        case .removed:
            if let file { throw Self.removed(file) }
        case .pending, .lost, nil: break
        }
        return ExportFileContent(
            name: name, origin: .vendor(try await ExportLinks(context: context, priority: .urgent).open(export, name)))
    }

    private func find(_ id: String, _ name: String) async throws -> (export: Export, file: ExportFileRow?) {
        try await context.engine.read { [context] transaction in
            guard let export = try ExportOperations.find(id, context, in: transaction) else {
                throw ExportOperationError.notFound
            }
            return (
                export, try context.exportFiles.files(of: export.id, in: transaction).first { $0.name == name }
            )
        }
    }

    /// Nil where it is not there as it should be.
    private func stored(_ file: ExportFileRow) async throws -> ExportFileContent? {
        guard let name = file.storedName, let size = file.size, let sha256 = file.sha256,
            let stored = try await context.files.open(name), stored.size == size
        else { return nil }
        return ExportFileContent(name: file.name, origin: .mirror(stored, sha256: sha256))
    }

    private static func removed(_ file: ExportFileRow) -> ExportOperationError {
        let since = file.removedAt.map { " at \($0.rfc3339)" } ?? ""
        return .gone("The file was removed\(since): \(file.why ?? "its time was over"). Ask for a new export.")
    }
}
