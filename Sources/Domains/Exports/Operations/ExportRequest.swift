public import CausewayCore
public import Vendor

/// What a caller asks for.
public struct ExportRequest: Sendable, Hashable {
    /// `vrc_…`
    public var report: String
    /// Nil takes the configured one.
    public var memberEmail: String?
    public var showUnexpanded: Bool
    /// A success no older than this will do; zero asks for a new one.
    public var maxAge: Duration
    public var whenLimited: WhenLimited
    /// An object, given back with the export.
    public var metadata: JSONValue
    /// Who asks, in the words of whoever checks access; only compared.
    public var caller: String

    public init(
        report: String, memberEmail: String? = nil, showUnexpanded: Bool = false, maxAge: Duration = .zero,
        whenLimited: WhenLimited = .defer, metadata: JSONValue = [:], caller: String
    ) {
        self.report = report
        self.memberEmail = memberEmail
        self.showUnexpanded = showUnexpanded
        self.maxAge = maxAge
        self.whenLimited = whenLimited
        self.metadata = metadata
        self.caller = caller
    }

    static let maximumMetadata = 8 << 10

    /// What is wrong with it; empty where nothing is.
    func mistakes(defaultMember: String?) -> [ExportMistake] {
        var mistakes: [ExportMistake] = []
        func check(_ field: String, _ isRight: Bool, _ detail: String) {
            if !isRight { mistakes.append(ExportMistake(field: field, code: "invalid", detail: detail)) }
        }
        check("report", Self.isPlain(report, upTo: 200), "The key of a saved report, like vrc_123456.")
        if let member = memberEmail ?? defaultMember {
            check(
                "member_email", Self.isPlain(member, upTo: 255) && member.contains("@"),
                "The e-mail address of a member of the account.")
        } else {
            mistakes.append(
                ExportMistake(
                    field: "member_email", code: "required",
                    detail: "No member is configured (vendor.member_email), so the request must name one."))
        }
        check("max_age", maxAge >= .zero && maxAge <= .seconds(31_536_000), "Seconds, from 0 to 31536000.")
        check(
            "metadata", metadata.object != nil && metadata.text.utf8.count <= Self.maximumMetadata,
            "An object of at most \(Self.maximumMetadata) bytes as JSON.")
        return mistakes
    }

    private static func isPlain(_ text: String, upTo limit: Int) -> Bool {
        (1...limit).contains(text.utf8.count) && !text.unicodeScalars.contains { $0.value <= 0x20 || $0.value == 0x7f }
    }
}

/// One thing that is wrong with a request.
public struct ExportMistake: Sendable, Hashable {
    public let field: String
    /// `invalid` or `required`.
    public let code: String
    public let detail: String
}

/// The answer to a request.
public struct RequestedExport: Sendable {
    public enum Way: String, Sendable {
        /// One that has ended, young enough: nothing was started.
        case found
        /// The one in flight or deferred for the same three.
        case joined
        /// A new one.
        case made
    }

    public let way: Way
    public let export: Export
    /// The export as callers see it.
    public let resource: JSONValue
}

/// What callers can be told is wrong, in words.
public enum ExportOperationError: Error, Sendable {
    case invalid([ExportMistake])
    /// No export has this id.
    case notFound
    /// The vendor's limits are shut until then, and the caller would not wait.
    case limited(until: Timestamp, now: Timestamp)
    /// Cancelling: the vendor has it, or may have it.
    case atVendor
    /// Cancelling: it has ended.
    case ended(ExportStatus)
    /// Cancelling: this caller never asked for it.
    case notAsked
    /// The export has no file yet: it has not ended in success.
    case notReady(ExportStatus)
    case noSuchFile(String)
    /// The files cannot be had any more, and why.
    case gone(String)
    /// The vendor does not answer as it should.
    case vendor(VendorError)

    var vendorError: VendorError? {
        if case .vendor(let error) = self { error } else { nil }
    }

    /// Stable, snake_case.
    public var code: String {
        switch self {
        case .invalid: "invalid_request"
        case .notFound: "not_found"
        case .limited: "limited"
        case .atVendor: "already_at_vendor"
        case .ended: "already_ended"
        case .notAsked: "not_requested_by_caller"
        case .notReady: "not_ready"
        case .noSuchFile: "file_not_found"
        case .gone: "gone"
        case .vendor(let error):
            switch error.cause {
            case .notFound: "not_found"
            default: "vendor_unavailable"
            }
        }
    }

    /// What is wrong and how to mend it.
    public var detail: String {
        switch self {
        case .invalid(let mistakes): mistakes.map { "\($0.field): \($0.detail)" }.joined(separator: " ")
        case .notFound: "There is no such export."
        case .limited(let until, _):
            """
            The vendor makes one export of a report for a member, and a bounded number for a member, in a window; \
            this one opens at \(until.rfc3339). Ask again then, or leave out when_limited to have it sent then.
            """
        case .atVendor:
            "The export has reached the vendor, or may have, and the vendor has no way to cancel one."
        case .ended(let status): "The export has ended already: it is \(status.rawValue)."
        case .notAsked: "Only who asked for an export can withdraw from it."
        case .notReady(let status): "The export is \(status.rawValue): its files are there once it is success."
        case .noSuchFile(let name): "The export has no file \(name); GET the export for their names."
        case .gone(let why): why
        case .vendor(let error): "The vendor did not answer as it should: \(error)."
        }
    }
}
