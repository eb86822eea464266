import CausewayCore
import Storage

/// The vendor's limits on exports, as far as our own exports use them up. Each that takes a place carries from when
/// it is counted (`slot_at`): reserved when it is asked for, then as the vendor dates it.
struct VendorLimits: Sendable {
    let settings: ExportLimitSettings

    /// Holds off others who ask for this member until the transaction ends, so that a place is given once.
    func lock(memberEmail: String, in transaction: any Transaction) throws {
        try transaction.lock(settings.reportLimitIgnoresMember ? "export.limits" : "export.limits:\(memberEmail)")
    }

    /// When the vendor will let an export of this report for this member through; nil where it does now.
    /// - Parameter own: its own place is not counted against it.
    func opening(
        report: String, memberEmail: String, excluding own: ExportID? = nil, at now: Timestamp,
        in transaction: any Transaction
    ) throws -> Timestamp? {
        let earliest = now - settings.window
        let isOther: SQLQuery = own.map { "id <> \($0)" } ?? "1 = 1"
        // An export whose outcome is not known counts, also once it was given up.
        let isActive: SQLQuery = "(status <> 'failure' OR vendor_key IS NULL)"
        func place(_ number: Int, _ whose: SQLQuery) throws -> Timestamp? {
            try transaction.row(
                """
                SELECT slot_at FROM export
                WHERE \(query: whose) AND slot_at IS NOT NULL AND slot_at > \(earliest) AND \(query: isOther)
                ORDER BY slot_at DESC LIMIT 1 OFFSET \(number - 1)
                """)?["slot_at"]
        }
        var ofReport: [SQLQuery] = ["report = \(report)"]
        if !settings.reportLimitIgnoresMember { ofReport.append("member_email = \(memberEmail)") }
        if !settings.failureKeepsReport { ofReport.append(isActive) }
        let taken = [
            try place(settings.perReport, .all(ofReport)),
            try place(settings.perMember, .all(["member_email = \(memberEmail)", isActive])),
        ]
        return taken.compactMap { $0 }.max().map { $0 + settings.window }
    }
}
