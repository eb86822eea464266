import CausewayCore
import Storage

extension ExportFiles {
    /// Opens all parts of a success as one table.
    ///
    /// Every part's header is read before the first byte goes out, so that parts which do not belong together are
    /// refused and never half sent. Mirrored parts stay open meanwhile: what removes them does not cut this short.
    ///
    /// Throws `ExportOperationError` as `open` does, and `ExportDataError`.
    /// - Parameters:
    ///   - id: ours or the vendor's.
    ///   - columns: `a,b` picks and orders columns; nil takes all.
    public func data(_ id: String, format: ExportData.Format, columns: String?) async throws -> ExportData {
        let shape = RowShape(format: format, columns: try columns.map(RowShape.columns))
        let (export, names) = try await context.engine.read { [context] transaction in
            guard let export = try ExportOperations.find(id, context, in: transaction) else {
                throw ExportOperationError.notFound
            }
            return (export, export.files.map(\.name))
        }
        guard !names.isEmpty else {
            guard export.status == .success else { throw ExportOperationError.notReady(export.status) }
            throw ExportDataError.noFiles
        }
        var parts: [ExportData.Part] = []
        for name in names {
            let content = try await open(export.id.text, name)
            // A part without anything in it has no rows, and no header to compare.
            guard let head = try await CSVHead(of: content.chunks(), in: name) else { continue }
            if let first = parts.first, first.head.names != head.names {
                throw ExportDataError.differentHeaders(first: first.name, first.head.names, other: name, head.names)
            }
            parts.append(
                ExportData.Part(
                    name: name, source: content.isMirrored ? .mirror(content) : .vendor(export: export.id, self),
                    head: head))
        }
        _ = try parts.first.map { try shape.indices(in: $0.head.names) }
        return ExportData(parts: parts, shape: shape)
    }
}
