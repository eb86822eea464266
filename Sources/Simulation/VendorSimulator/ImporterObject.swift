import CausewayCore

/// An object of the importer guide: which columns it takes.
///
/// The guide's tables lost some names; those stand here as the vendor's clients have them.
enum ImporterObject: String, Sendable, CaseIterable {
    case partners, customers, transactions, rewards, leads, deals

    /// Leads and deals go to one group per import.
    var needsGroup: Bool { self == .leads || self == .deals }

    /// Columns without which a file is refused.
    var required: [String] {
        switch self {
        case .partners: []
        case .customers: ["email"]
        case .transactions: ["amount"]
        case .rewards: ["body"]
        case .leads: ["partner_key", "email", "first_name", "last_name"]
        case .deals: ["amount", "close_date", "external_key", "stage"]
        }
    }

    /// Of each list at least one column must be there.
    var oneOf: [[String]] {
        switch self {
        case .partners: [["partner_email", "partner_key"]]
        case .transactions: [Self.customerColumns]
        case .rewards: [["partner_email", "partner_key"], ["amount_in_cents", "amount_in_dollars"]]
        default: []
        }
    }

    static let customerColumns = ["customer_key", "customer_external_key", "customer_email"]

    var known: Set<String> {
        switch self {
        case .partners:
            [
                "partner_email", "partner_key", "partner_joined_date", "group", "tier", "tags",
                "shipping_address_line1",
                "shipping_address_line2", "shipping_address_postal", "shipping_address_state",
            ]
        case .customers:
            [
                "email", "name", "created_at", "company_name", "state", "unit", "postal", "customer_key", "partner_key",
            ]
        case .transactions:
            [
                "amount", "created_at", "customer_key", "customer_external_key", "customer_email", "currency",
                "product_key", "category_key", "key",
            ]
        case .rewards:
            [
                "partner_email", "partner_key", "target_type", "target_key", "amount_in_cents", "amount_in_dollars",
                "body", "created_at", "currency", "status", "decline_reason", "is_external",
            ]
        case .leads: ["partner_key", "email", "first_name", "last_name", "status"]
        case .deals:
            [
                "amount", "close_date", "external_key", "stage", "partner_key", "account_name", "contact_first_name",
                "contact_last_name", "created_at",
            ]
        }
    }

    /// What is wrong with a header, if anything: "Alerts prevent you from importing incorrect headers".
    func headerFault(_ header: [String], custom: [String]) -> String? {
        let unknown = header.filter { !known.contains($0) && !custom.contains($0) && !isMetadata($0) }
        if !unknown.isEmpty { return "unknown columns: \(unknown.joined(separator: ", "))" }
        let doubled = Set(header.filter { name in header.count { $0 == name } > 1 })
        if !doubled.isEmpty { return "columns twice: \(doubled.sorted().joined(separator: ", "))" }
        let missing = required.filter { !header.contains($0) }
        if !missing.isEmpty { return "missing columns: \(missing.joined(separator: ", "))" }
        for names in oneOf where !names.contains(where: header.contains) {
            return "missing columns: one of \(names.joined(separator: ", "))"
        }
        return nil
    }

    /// `metadata.` and a name of at most 30 letters, digits and underscores.
    private func isMetadata(_ name: String) -> Bool {
        guard self == .transactions, name.hasPrefix("metadata.") else { return false }
        let key = name.dropFirst("metadata.".count)
        return (1...30).contains(key.count)
            && key.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
    }
}
