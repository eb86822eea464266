public import CausewayCore

/// What the valid rows of one currency come to.
public struct AmountTotal: Sendable, Hashable, Codable {
    /// Three capital letters; nil for rows that name none: the program's own currency then.
    public let currency: String?
    public let rows: Int
    /// In hundredths of the currency's unit, as the vendor counts.
    public let sum: Int128
    /// The same with every amount taken as positive: what moves, where rows take back what others give.
    public let gross: Int128

    public init(currency: String?, rows: Int, sum: Int128, gross: Int128) {
        self.currency = currency
        self.rows = rows
        self.sum = sum
        self.gross = gross
    }

    enum CodingKeys: String, CodingKey { case currency, rows, sum, gross }

    public init(from decoder: any Decoder) throws {
        let members = try decoder.container(keyedBy: CodingKeys.self)
        func number(_ key: CodingKeys) throws -> Int128 {
            guard let number = Int128(try members.decode(String.self, forKey: key)) else {
                throw DecodingError.dataCorruptedError(forKey: key, in: members, debugDescription: "no whole number")
            }
            return number
        }
        currency = try members.decodeIfPresent(String.self, forKey: .currency)
        rows = try members.decode(Int.self, forKey: .rows)
        sum = try number(.sum)
        gross = try number(.gross)
    }

    /// Numbers as text: no reader of JSON is trusted with more than 53 bits.
    public func encode(to encoder: any Encoder) throws {
        var members = encoder.container(keyedBy: CodingKeys.self)
        try members.encodeIfPresent(currency, forKey: .currency)
        try members.encode(rows, forKey: .rows)
        try members.encode(String(sum), forKey: .sum)
        try members.encode(String(gross), forKey: .gross)
    }

    public var json: JSONValue {
        [
            "currency": .optional(currency), "rows": .integer(Int64(rows)), "sum": .string(Self.text(sum)),
            "gross": .string(Self.text(gross)),
        ]
    }

    /// `-12.05`
    static func text(_ hundredths: Int128) -> String {
        let digits = String(hundredths.magnitude)
        let padded = String(repeating: "0", count: max(0, 3 - digits.count)) + digits
        return (hundredths < 0 ? "-" : "") + padded.dropLast(2) + "." + padded.suffix(2)
    }
}

extension Import {
    /// `1200.50 USD in 3 rows, 10.00 in 1 row`; nil where no row has an amount.
    public var amountsInWords: String? {
        guard !amounts.isEmpty else { return nil }
        return amounts.map { total in
            let currency = total.currency.map { " \($0)" } ?? ""
            return "\(AmountTotal.text(total.sum))\(currency) in \(total.rows) row\(total.rows == 1 ? "" : "s")"
        }.joined(separator: ", ")
    }
}
