import CausewayCore

/// A column of a generated file; its cells are all equally long.
struct ReportColumn: Sendable {
    enum Content: Sendable {
        /// The row's number between two texts.
        case numbered(String, String)
        /// One of 97 partners, the same in every file for the same row.
        case partner(String, String)
        /// A day of the year 2025.
        case day
        /// 1000.00–9999.99
        case money
        /// 10–99
        case count
        /// One of several, each equally long.
        case oneOf([[UInt8]])
    }

    let name: String
    let content: Content

    /// What the name promises.
    init(_ name: String) {
        self.name = name
        let plain = name.lowercased()
        self.content =
            if plain == "partner_id" || plain == "partner_key" {
                .partner("ptnr_", "")
            } else if plain == "partner_email" {
                .partner("partner", "@example.com")
            } else if plain.contains("partner") && plain.hasSuffix("name") {
                // A comma and a quote, so that nobody gets away with splitting at commas.
                .partner("\"Partner \"\"", "\"\", Inc.\"")
            } else if plain.contains("email") {
                .numbered("person", "@example.org")
            } else if plain.contains("date") || plain.hasSuffix("_at") || plain.hasSuffix("last_updated") {
                .day
            } else if plain.contains("amount") || plain.contains("revenue") || plain.contains("sum_of")
                || plain.contains("value") || plain.contains("total_sum")
            {
                .money
            } else if plain.contains("key") || plain.hasSuffix("_id") {
                .numbered(plain.contains("customer") ? "cus_" : "\(plain.prefix(4))_", "")
            } else if plain.contains("number_of") || plain.hasSuffix("count")
                || plain.hasSuffix("s")
                    && !plain.contains("tags") && !plain.contains("status")
            {
                .count
            } else if plain.contains("status") || plain.contains("stage") {
                .oneOf(Self.texts("active", "paused", "closed"))
            } else if plain.contains("approved") || plain.contains("paid") || plain.contains("archived") {
                .oneOf(Self.texts("Y", "N"))
            } else if plain.contains("tags") {
                .oneOf(Self.texts("\"gold, emea\"", "\"silver, us\"", "\"bronze, uk\""))
            } else if plain.contains("currency") {
                .oneOf(Self.texts("USD", "CAD", "EUR"))
            } else if plain.contains("group") {
                .oneOf(Self.texts("Affiliates", "Associates", "Ambassador"))
            } else {
                // A line break in quotes, and a letter that takes two bytes.
                .oneOf(Self.texts("\"Café,\nSales\"", "\"Büro,\nOrder\"", "\"Niño,\nTeams\""))
            }
    }

    private static func texts(_ texts: String...) -> [[UInt8]] { texts.map { Array($0.utf8) } }

    func append(row: Int, random: UInt64, to block: inout [UInt8]) {
        func digits(_ number: Int, _ width: Int) {
            var divisor = 1
            for _ in 1..<width { divisor *= 10 }
            while divisor > 0 {
                block.append(UInt8(48 + number / divisor % 10))
                divisor /= 10
            }
        }
        switch content {
        case .numbered(let before, let after):
            block.append(contentsOf: before.utf8)
            digits(row, 9)
            block.append(contentsOf: after.utf8)
        case .partner(let before, let after):
            block.append(contentsOf: before.utf8)
            digits(row % 97, 6)
            block.append(contentsOf: after.utf8)
        case .day:
            let day = CalendarDay(daysSinceEpoch: 20_089 + Int(random % 365))
            digits(day.year, 4)
            block.append(45)
            digits(day.month, 2)
            block.append(45)
            digits(day.day, 2)
        case .money:
            digits(1000 + Int(random % 9000), 4)
            block.append(46)
            digits(Int(random >> 32) % 100, 2)
        case .count: digits(10 + Int(random % 90), 2)
        case .oneOf(let texts): block.append(contentsOf: texts[Int(random % UInt64(texts.count))])
        }
    }
}
