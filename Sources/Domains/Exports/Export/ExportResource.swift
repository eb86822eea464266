public import CausewayCore
import Foundation
import Vendor

/// An export as callers and subscribers see it.
public struct ExportResource: Sendable {
    /// Under which links to files are given, without a slash at the end.
    let internalURL: String

    public init(internalURL: String) {
        self.internalURL = internalURL.hasSuffix("/") ? String(internalURL.dropLast()) : internalURL
    }

    public func json(of export: Export) -> JSONValue {
        [
            "id": .string(export.id.text), "vendor_key": .optional(export.vendorKey), "report": .string(export.report),
            "status": .string(export.status.rawValue), "report_type": .optional(export.reportType),
            "source": .string(export.source), "member_email": .optional(export.memberEmail),
            "show_unexpanded": .bool(export.showUnexpanded), "requests": .integer(Int64(export.requests)),
            "metadata": export.metadata, "requested_at": .optional(export.requestedAt),
            "queued_at": .optional(export.queuedAt), "completed_at": .optional(export.completedAt),
            "expires_at": .optional(export.expiresAt), "not_before": .optional(export.notBefore),
            "files": .array(export.files.map { file($0, of: export) }),
            "zip_file": export.zipFile.map { file($0, of: export) } ?? .null,
            "report_config": export.vendorExport?.reportConfig ?? .null,
            "error": VendorMembers.shown(export.error?.json, of: export),
            "vendor": VendorMembers(of: export).json,
            "seen_by": .object(
                Dictionary(
                    uniqueKeysWithValues: ExportChannel.allCases.map { ($0.rawValue, .optional(export.seenBy[$0])) })),
        ]
    }

    private func file(_ file: ExportFile, of export: Export) -> JSONValue {
        let name = file.name.addingPercentEncoding(withAllowedCharacters: Self.unreserved) ?? file.name
        let mirrored = export.mirror.first { $0.name == file.name }
        return [
            "name": .string(file.name), "url": .string("\(internalURL)/v1/exports/\(export.id)/files/\(name)"),
            "size": mirrored.map { .integer($0.size) } ?? .null, "sha256": .optional(mirrored?.sha256),
            "mirrored": .bool(mirrored?.isThere ?? false),
        ]
    }

    private static let unreserved = CharacterSet(
        charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
}

/// The members of the vendor's entity that have no place of their own in the resource, also those it adds later;
/// what would lead to us or to its files is left out.
struct VendorMembers {
    let json: JSONValue

    private static let shownElsewhere: Set = [
        "key", "status", "report_type", "vendor_report_configuration_key", "source", "expires_at", "files", "zip_file",
        "report_config", "error",
    ]

    init(of export: Export) {
        let members = export.entity?.object?.filter { !Self.shownElsewhere.contains($0.key) } ?? [:]
        let token = export.hookToken?.reveal()
        json = .object(Self.cleaned(members, token: token))
    }

    /// The whole entity with its links, but without what would lead to us.
    static func entityForSubscribers(_ export: Export) -> JSONValue? {
        guard case .object(var members) = export.entity else { return nil }
        members.removeValue(forKey: "webhook_target_url")
        return .object(members)
    }

    /// What the vendor said of an error: it may repeat what it was sent.
    static func shown(_ value: JSONValue?, of export: Export) -> JSONValue {
        value.flatMap { cleaned($0, token: export.hookToken?.reveal()) } ?? .null
    }

    private static func cleaned(_ members: [String: JSONValue], token: String?) -> [String: JSONValue] {
        var kept: [String: JSONValue] = [:]
        for (name, value) in members where name != "webhook_target_url" {
            kept[name] = cleaned(value, token: token)
        }
        return kept
    }

    private static func cleaned(_ value: JSONValue, token: String?) -> JSONValue? {
        switch value {
        // `.none` and not `nil`, which could be JSON's null here.
        case .string(let text): return isPrivate(text, token: token) ? .none : .some(value)
        case .array(let values): return .array(values.compactMap { cleaned($0, token: token) })
        case .object(let members): return .object(cleaned(members, token: token))
        case .null, .bool, .integer, .number: return value
        }
    }

    /// A link with a query may be signed; one to our hooks carries a token.
    private static func isPrivate(_ text: String, token: String?) -> Bool {
        if let token, text.contains(token) { return true }
        guard text.hasPrefix("https://") || text.hasPrefix("http://") else { return false }
        return text.contains("?") || text.contains("/hooks/exports/") || text.contains("/hooks/events/")
    }
}
