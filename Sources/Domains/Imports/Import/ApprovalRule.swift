/// When a second person has to look before anything is forwarded, besides where the uploader asks for it.
public struct ApprovalRule: Sendable {
    public var objects: Set<ImportObject> = []
    /// More good rows than these.
    public var rows: Int?
    /// More money than this.
    public var amounts: ApprovalAmounts?
    /// How long is waited for approval.
    public var patience = Duration.seconds(7 * 86_400)

    public init() {}

    func reasons(_ request: ImportRequest, rows count: Int, amounts totals: [AmountTotal]) -> [ApprovalReason] {
        var reasons: [ApprovalReason] = []
        if request.needsApproval { reasons.append(.request) }
        if objects.contains(request.object) { reasons.append(.object) }
        if let rows, count > rows { reasons.append(.rows) }
        if let amounts, totals.contains(where: amounts.areExceeded) { reasons.append(.amount) }
        return reasons
    }
}

/// Why a file waits for approval.
public enum ApprovalReason: String, Sendable, Codable, CaseIterable {
    /// `approval=required`
    case request
    case object
    case rows
    case amount
}

/// Sums that go out without approval, by currency.
public struct ApprovalAmounts: Sendable, Hashable {
    /// In hundredths; nil stands for every currency not named.
    private var limits: [String?: Int128] = [:]

    /// `10000`, or `USD:10000,EUR:8000`, or both: whole units; a number alone is for every currency not named, and for
    /// rows without one.
    public init?(parsing text: String) {
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let pair = part.filter { $0 != " " }.split(separator: ":", omittingEmptySubsequences: false)
            guard let digits = pair.last, (1...12).contains(digits.utf8.count), pair.count <= 2,
                digits.utf8.allSatisfy({ (48...57).contains($0) }), let units = Int128(digits)
            else { return nil }
            let currency = pair.count == 2 ? String(pair[0]) : nil
            if let currency, !CurrencyCheck.codes.contains(currency) { return nil }
            guard limits.updateValue(units * 100, forKey: currency) == nil else { return nil }
        }
    }

    /// A currency for which nothing is set is not known to be little.
    func areExceeded(by total: AmountTotal) -> Bool {
        total.gross > (limits[total.currency] ?? limits[nil] ?? 0)
    }
}
