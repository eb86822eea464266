import CausewayCore
import Crypto

/// Reads an upload as the importer guide says, apart from what hangs on rows imported before.
struct ImporterReading {
    var file: ImportedFile
    var rows: [(row: ImporterRow, bytes: ArraySlice<UInt8>, fault: String?)] = []

    init(
        key: String, object: ImporterObject, form: MultipartForm, part: MultipartForm.Part, options: SimulatorOptions,
        at now: Timestamp
    ) {
        let bytes = Array(part.content)
        self.file = ImportedFile(
            key: key, object: object, receivedAt: now, filename: part.filename, groupKey: form.text("group_key"),
            sendsInvites: form.text("send_invite_emails"), size: bytes.count,
            sha256: Digest.hex(SHA256.hash(data: bytes)), bytes: bytes)
        file.refusal = formFault(object, part) ?? read(bytes, object, options)
        // A header of a megabyte is not sent back whole.
        file.refusal = file.refusal.map { String($0.prefix(300)) }
        if file.refusal != nil { rows = [] }
    }

    private func formFault(_ object: ImporterObject, _ part: MultipartForm.Part) -> String? {
        let type = part.contentType?.split(separator: ";").first?.trimmed.lowercased()
        if type != "text/csv" { return "the file is \(type ?? "of no type"), not text/csv" }
        if object.needsGroup, (file.groupKey ?? "").isEmpty { return "group_key is required" }
        if let flag = file.sendsInvites, flag != "true", flag != "false" {
            return "send_invite_emails is neither true nor false"
        }
        return nil
    }

    /// Why the file as a whole cannot be imported.
    private mutating func read(_ bytes: [UInt8], _ object: ImporterObject, _ options: SimulatorOptions) -> String? {
        var csv = StrictCSV(bytes)
        do {
            guard let header = try csv.next()?.cells else { return "the file is empty" }
            if let fault = object.headerFault(header, custom: options.customFields[object.rawValue] ?? []) {
                return fault
            }
            while let record = try csv.next() {
                let row = ImporterRow(object: object, header: header, cells: record.cells)
                rows.append((row, bytes[record.range], row.fault(options: options)))
            }
            return rows.isEmpty ? "the file has no rows" : nil
        } catch {
            return "record \(error.record): \(error.reason)"
        }
    }
}
