import CausewayCore

/// A file the importer received, whatever became of it.
struct ImportedFile: Sendable {
    struct Skipped: Sendable {
        /// Data rows, from 1.
        let row: Int
        let reason: String
    }

    let key: String
    let object: ImporterObject
    let receivedAt: Timestamp
    let filename: String?
    let groupKey: String?
    let sendsInvites: String?
    let size: Int
    let sha256: String
    /// The part's content, byte for byte; nil once newer files have pushed it out.
    var bytes: [UInt8]?
    /// Why the whole file was refused.
    var refusal: String?
    var rows = 0
    var imported = 0
    /// Rows like ones that have been imported before, byte for byte.
    var repeated = 0
    var skippedCount = 0
    /// The first hundred.
    var skipped: [Skipped] = []

    var json: JSONValue {
        [
            "key": .string(key), "object": .string(object.rawValue), "received_at": .integer(receivedAt.milliseconds),
            "filename": .optional(filename), "group_key": .optional(groupKey),
            "send_invite_emails": .optional(sendsInvites), "size": .integer(Int64(size)), "sha256": .string(sha256),
            "has_bytes": .bool(bytes != nil), "state": refusal == nil ? "imported" : "refused",
            "refusal": .optional(refusal), "rows": .integer(Int64(rows)), "imported": .integer(Int64(imported)),
            "repeated": .integer(Int64(repeated)), "skipped": .integer(Int64(skippedCount)),
            "skipped_rows": .array(
                skipped.map { ["row": .integer(Int64($0.row)), "reason": .string($0.reason)] }),
        ]
    }
}

/// All rows ever imported, remembered as far as it takes to know one again.
struct ImportedRows: Sendable {
    var customers: Set<String> = []
    private var transactionKeys: Set<String> = []
    private var times: [ImporterObject: [Int: Int]] = [:]

    /// Why the row is skipped for what else is there; nil where it is.
    func conflict(_ row: ImporterRow, requiresCustomers: Bool) -> String? {
        guard row.object == .transactions else { return nil }
        if let key = row["key"], transactionKeys.contains(key) { return "transaction \(key) exists already" }
        let customer = ImporterObject.customerColumns.compactMap { row[$0] }.first ?? ""
        return requiresCustomers && !customers.contains(customer) ? "customer \(customer) does not exist" : nil
    }

    /// Takes a row in; true where one with the same bytes was taken before.
    mutating func insert(_ row: ImporterRow, bytes: ArraySlice<UInt8>) -> Bool {
        switch row.object {
        case .customers: customers.formUnion(["email", "customer_key"].compactMap { row[$0] })
        case .transactions: if let key = row["key"] { transactionKeys.insert(key) }
        default: break
        }
        var hasher = Hasher()
        for byte in bytes { hasher.combine(byte) }
        let hash = hasher.finalize()
        times[row.object, default: [:]][hash, default: 0] += 1
        return times[row.object, default: [:]][hash, default: 0] > 1
    }

    /// For each object how many rows were imported, how many different ones, and how many more than once.
    var json: JSONValue {
        .object(
            Dictionary(
                uniqueKeysWithValues: ImporterObject.allCases.map { object in
                    let counts = times[object] ?? [:]
                    let figures: JSONValue = [
                        "imported": .integer(Int64(counts.values.reduce(0, +))),
                        "distinct": .integer(Int64(counts.count)),
                        "repeated": .integer(Int64(counts.values.count { $0 > 1 })),
                    ]
                    return (object.rawValue, figures)
                }))
    }
}
