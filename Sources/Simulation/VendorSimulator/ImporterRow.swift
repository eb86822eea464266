import CausewayCore

/// One row under the importer guide's rules; nil cells and empty cells are the same.
struct ImporterRow {
    let object: ImporterObject
    let header: [String]
    let cells: [String]

    subscript(name: String) -> String? {
        guard let index = header.firstIndex(of: name), index < cells.count, !cells[index].isEmpty else { return nil }
        return cells[index]
    }

    /// Why the row is skipped; nil where it is imported.
    func fault(options: SimulatorOptions) -> String? {
        if cells.count != header.count { return "\(cells.count) cells under \(header.count) columns" }
        for name in object.required where self[name] == nil { return "\(name) is required" }
        switch object {
        case .partners:
            return all(
                self["partner_email"] ?? self["partner_key"] == nil ? "partner_email or partner_key is required" : nil,
                email("partner_email"), day("partner_joined_date"))
        case .customers: return all(email("email"), day("created_at"))
        case .transactions: return transactionFault()
        case .rewards: return rewardFault()
        case .leads: return all(email("email"), enumeration("status", Self.leadStatuses))
        case .deals:
            let unknown = options.dealStages.map { stages in !stages.contains(self["stage"] ?? "") } ?? false
            return all(
                decimal("amount"), day("close_date"), day("created_at"),
                unknown ? "stage is not one of the group's" : nil)
        }
    }

    private static let leadStatuses = ["open", "closed", "dead", "closed won", "closed lost"]
    private static let rewardStatuses = ["pending", "declined", "hold", "approved", "paid"]

    private func transactionFault() -> String? {
        let metadata = header.filter { $0.hasPrefix("metadata.") }
        if metadata.count(where: { self[$0] != nil }) > 25 { return "more than 25 metadata values" }
        for name in metadata where (self[name]?.count ?? 0) > 100 { return "\(name) is over 100 characters" }
        let amount = self["amount"].flatMap { Int64($0) } ?? .min
        return all(
            exactlyOne(ImporterObject.customerColumns),
            (-50_000_000_000_000...50_000_000_000_000).contains(amount) ? nil : "amount is no whole number of cents",
            email("customer_email"), day("created_at"), currency(),
            (4...255).contains(self["key"]?.count ?? 4) ? nil : "key has not 4 to 255 characters")
    }

    private func rewardFault() -> String? {
        let created = self["created_at"]
        let isMilliseconds = created.map { $0.allSatisfy { $0.isASCII && $0.isNumber } } ?? false
        return all(
            exactlyOne(["partner_email", "partner_key"]), exactlyOne(["amount_in_cents", "amount_in_dollars"]),
            self["amount_in_cents"].flatMap { Int64($0) == nil ? "amount_in_cents is no whole number" : nil },
            decimal("amount_in_dollars"), email("partner_email"),
            enumeration("target_type", ["customer", "transaction"]),
            self["target_type"] != nil && self["target_key"] == nil ? "target_type needs a target_key" : nil,
            isMilliseconds ? nil : day("created_at"), currency(), enumeration("status", Self.rewardStatuses),
            enumeration("is_external", ["true", "false"]))
    }

    private func all(_ faults: String?...) -> String? { faults.compactMap(\.self).first }

    private func exactlyOne(_ names: [String]) -> String? {
        names.count { self[$0] != nil } == 1 ? nil : "exactly one of \(names.joined(separator: ", ")) is required"
    }

    private func enumeration(_ name: String, _ values: [String]) -> String? {
        guard let value = self[name], !values.contains(value) else { return nil }
        return "\(name) is none of \(values.joined(separator: ", "))"
    }

    private func currency() -> String? {
        guard let value = self["currency"] else { return nil }
        return value.count == 3 && value.allSatisfy { $0.isASCII && $0.isLetter } ? nil : "currency is no three letters"
    }

    private func email(_ name: String) -> String? {
        guard let value = self[name] else { return nil }
        let sides = value.split(separator: "@", omittingEmptySubsequences: false)
        let isGood =
            sides.count == 2 && !sides[0].isEmpty && sides[1].contains(".") && !sides[1].hasPrefix(".")
            && !sides[1].hasSuffix(".") && value.count <= 255 && !value.contains(where: \.isWhitespace)
        return isGood ? nil : "\(name) is no e-mail address"
    }

    /// ISO 8601, `YYYY-MM-DD`.
    private func day(_ name: String) -> String? {
        guard let value = self[name] else { return nil }
        let parts = value.split(separator: "-", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { $0.allSatisfy { $0.isASCII && $0.isNumber } ? Int($0) : nil }
        let isGood =
            parts.map(\.count) == [4, 2, 2] && numbers.count == 3
            && CalendarDay(year: numbers[0], month: numbers[1], day: numbers[2]) != nil
        return isGood ? nil : "\(name) is no day YYYY-MM-DD"
    }

    private func decimal(_ name: String) -> String? {
        guard let value = self[name] else { return nil }
        let digits = value.hasPrefix("-") ? value.dropFirst() : value[...]
        let parts = digits.split(separator: ".", omittingEmptySubsequences: false)
        let isGood =
            (1...2).contains(parts.count)
            && parts.allSatisfy { !$0.isEmpty && $0.allSatisfy { $0.isASCII && $0.isNumber } }
        return isGood ? nil : "\(name) is no number"
    }
}
