import CausewayCore

/// One export of the vendor's: `queued`, then `success` or `failure`; a success turns `expired` with its links.
struct VendorExport: Sendable {
    enum Status: String, Sendable { case queued, success, failure, expired }

    /// How it came to be: only the first is triggered through the API.
    enum Source: String, Sendable { case api, inApp = "in_app", scheduled }

    let key: String
    let report: ReportConfiguration
    let source: Source
    let memberEmail: String
    let webhookTargetURL: String?
    let showUnexpanded: Bool
    let createdAt: Timestamp
    var updatedAt: Timestamp
    var status = Status.queued
    /// Nil where it is held until told otherwise.
    var dueAt: Timestamp?
    /// Decided at the beginning, so that how it will end does not hang on how often somebody looks.
    var willFail = false
    var expiresAt: Timestamp?
    var error: String?
    /// Keys of `DownloadFile`.
    var files: [String] = []
    var zip: String?

    /// The tail of the key, which its files are named after.
    var stem: String { String(key.dropFirst("vrex_".count)) }
}

extension VendorExport {
    /// The answer to a trigger, with exactly the members of the guide's example.
    func triggerAnswer() -> JSONValue {
        [
            "key": .string(key), "status": .string(status.rawValue), "report_type": .string(report.type.rawValue),
            "vendor_report_configuration_key": .string(report.key), "source": .string(source.rawValue),
            "created_at": .integer(createdAt.milliseconds), "updated_at": .integer(updatedAt.milliseconds),
            "files": [], "zip_file": nil, "webhook_target_url": .optional(webhookTargetURL),
        ]
    }

    /// The whole entity, as the direct webhook's example has it.
    func entity(files: [JSONValue], zip: JSONValue) -> JSONValue {
        [
            "key": .string(key), "status": .string(status.rawValue), "report_type": .string(report.type.rawValue),
            "vendor_report_configuration_key": .string(report.key), "source": .string(source.rawValue),
            "created_at": .integer(createdAt.milliseconds), "updated_at": .integer(updatedAt.milliseconds),
            "expires_at": expiresAt.map { .integer($0.milliseconds) } ?? nil,
            "files": .array(files), "zip_file": zip, "file_key": .optional(self.files.first),
            "zip_file_key": .optional(self.zip), "target_key": "comp_123456",
            "exporter_key": .string(Self.memberKey(of: memberEmail)),
            "webhook_target_url": .optional(webhookTargetURL), "report_config": report.reportConfig,
            "recipients": ["membership_keys": [.string(Self.memberKey(of: memberEmail))]], "configuration": [:],
            "retry_count": 0, "error": .optional(error), "admin_user_key": nil,
            "scheduler_key": source == .scheduled ? "sched_123456" : nil,
        ]
    }

    static func memberKey(of email: String) -> String { "mem_\(Digest.sha256Hex(email.lowercased()).prefix(8))" }
}
