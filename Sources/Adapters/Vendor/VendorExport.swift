public import CausewayCore

/// The vendor's export entity. What is not read here stays in `whole`.
public struct VendorExport: Sendable, Hashable {
    public enum Status: Sendable, Hashable {
        case queued
        case success
        case failure
        case expired
        /// A word the guides do not list; taken as not ended.
        case other(String)

        public init(_ text: String) {
            switch text {
            case "queued": self = .queued
            case "success": self = .success
            case "failure": self = .failure
            case "expired": self = .expired
            default: self = .other(text)
            }
        }
    }

    public struct File: Sendable, Hashable {
        public let key: String?
        public let name: String
        /// A signed link that lives about two days. Nil where the vendor leaves it out.
        public let url: String?

        init?(_ value: JSONValue) {
            guard let name = value["name"]?.string ?? value["key"]?.string, !name.isEmpty else { return nil }
            self.key = value["key"]?.string
            self.name = name
            self.url = value["url"]?.string
        }
    }

    /// `vrex_…`
    public let key: String
    public let status: Status
    public let whole: JSONValue

    /// Nil without `key` or `status`.
    public init?(_ whole: JSONValue) {
        guard let key = whole["key"]?.string, !key.isEmpty, let status = whole["status"]?.string else { return nil }
        self.key = key
        self.status = Status(status)
        self.whole = whole
    }

    public var report: String? { whole["vendor_report_configuration_key"]?.string }
    public var reportType: String? { whole["report_type"]?.string }
    /// `api`, `in_app` or `scheduled`.
    public var source: String? { whole["source"]?.string }
    public var createdAt: Timestamp? { whole["created_at"]?.vendorTime }
    public var updatedAt: Timestamp? { whole["updated_at"]?.vendorTime }
    public var expiresAt: Timestamp? { whole["expires_at"]?.vendorTime }
    /// Nil where the vendor does not tell.
    public var webhookTargetURL: String? {
        whole["webhook_target_url"]?.string.flatMap { $0.isEmpty ? nil : $0 }
    }
    public var reportConfig: JSONValue? { whole["report_config"] }
    public var error: JSONValue? { whole["error"] }
    public var files: [File] { (whole["files"]?.array ?? []).compactMap(File.init) }
    public var zipFile: File? { whole["zip_file"].flatMap(File.init) }
}

/// What a trigger says.
public struct ExportTrigger: Sendable, Hashable {
    public var report: String
    public var memberEmail: String
    public var webhookTargetURL: String?
    public var showUnexpanded: Bool

    public init(report: String, memberEmail: String, webhookTargetURL: String?, showUnexpanded: Bool) {
        self.report = report
        self.memberEmail = memberEmail
        self.webhookTargetURL = webhookTargetURL
        self.showUnexpanded = showUnexpanded
    }

    var body: JSONValue {
        var members: [String: JSONValue] = ["member_email": .string(memberEmail)]
        // Left out where false: its default, and the call of the guide's example.
        if showUnexpanded { members["show_unexpanded"] = true }
        if let webhookTargetURL { members["webhook_target_url"] = .string(webhookTargetURL) }
        return .object(members)
    }
}
