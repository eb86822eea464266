import CausewayCore

extension AccountState {
    /// Imports a file whose rows were judged by `ImporterReading`; what hangs on other rows is judged here.
    mutating func take(
        _ file: ImportedFile, rows: [(row: ImporterRow, bytes: ArraySlice<UInt8>, fault: String?)], at now: Timestamp
    ) -> ImportedFile {
        var file = file
        for (index, (row, bytes, fault)) in rows.enumerated() {
            file.rows += 1
            if let reason = fault ?? importedRows.conflict(row, requiresCustomers: options.requiresCustomers) {
                file.skippedCount += 1
                if file.skipped.count < 100 { file.skipped.append(.init(row: index + 1, reason: reason)) }
            } else {
                file.imported += 1
                if importedRows.insert(row, bytes: bytes) { file.repeated += 1 }
            }
        }
        let again = file.repeated == 0 ? "" : ", \(file.repeated) OF THEM AGAIN"
        let group = file.groupKey.map { " for group \($0)" } ?? ""
        if let refusal = file.refusal {
            tell("import \(file.key) of \(file.object.rawValue), \(file.size) bytes: refused, \(refusal)")
        } else {
            tell(
                "import \(file.key) of \(file.object.rawValue)\(group), \(file.size) bytes, \(file.rows) row(s): "
                    + "\(file.imported) imported\(again), \(file.skippedCount) skipped"
                    + (file.skipped.first.map { " (row \($0.row): \($0.reason))" } ?? ""))
        }
        keep(file)
        return file
    }

    mutating func makeImportKey() -> String {
        importCount += 1
        return "import_\(importCount)"
    }

    /// Keeps the newest bytes up to the option's sum; the oldest give way.
    private mutating func keep(_ file: ImportedFile) {
        imports.append(file)
        importedBytes += Int64(file.size)
        for index in imports.indices.dropLast() where importedBytes > options.keptImportBytes {
            guard let bytes = imports[index].bytes else { continue }
            importedBytes -= Int64(bytes.count)
            imports[index].bytes = nil
        }
    }
}
