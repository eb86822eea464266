/// Lays an object's schema over a file's header.
struct HeaderCheck {
    let schema: ObjectSchema
    private(set) var plan = RowPlan()
    /// What is wrong with the header; any of it refuses the file.
    private(set) var problems: [RowProblem] = []
    /// Every name stands there as the vendor spells it.
    private(set) var isSpelledAsVendor = true

    /// - Parameter names: the header's cells, in order; `line` and `byteOffset`: where the header stands.
    init(schema: ObjectSchema, names: [String], line: Int, byteOffset: Int) {
        self.schema = schema
        plan.maxMetadataValues = schema.metadata?.maxValues ?? .max
        let bits = Self.bits(of: schema)
        plan.columnOfBit = [Int](repeating: -1, count: bits.count)
        let hits = Self.hits(of: schema)
        var seen: [String: Int] = [:]

        func report(_ code: ProblemCode, _ column: String, _ message: String, _ suggestion: String? = nil) {
            problems.append(
                RowProblem(
                    line: line, byteOffset: byteOffset, column: column, code: code, value: nil, message: message,
                    suggestion: suggestion))
        }

        for (position, raw) in names.enumerated() {
            let name = HeaderName.normalized(raw, schema.headerCase)
            var check = ColumnCheck()
            var field: ObjectField?
            var spelling = HeaderName.trimmed(raw)
            if name.isEmpty {
                report(
                    .unknownColumn, "column \(position + 1)",
                    "Column \(position + 1) has no name. Name it, or take the column out.")
            } else if let earlier = seen[name] {
                report(
                    .duplicateColumn, spelling,
                    "The column stands there twice, at places \(earlier + 1) and \(position + 1). Take one out.")
            } else if let found = schema.fields.first(where: {
                HeaderName.normalized($0.name, schema.headerCase) == name
            }) {
                field = found
                spelling = found.name
                check = columnCheck(found, hits: hits)
                if let bit = bits[found.name] {
                    check.bit = 1 << UInt64(bit)
                    plan.columnOfBit[bit] = position
                }
            } else if let metadata = schema.metadata, name.hasPrefix(metadata.prefix) {
                spelling = metadata.prefix + spelling.dropFirst(metadata.prefix.count)
                check.kind = .metadata
                check.maxLength = UInt32(clamping: metadata.maxValueLength)
                let key = spelling.dropFirst(metadata.prefix.count)
                if key.isEmpty || key.count > metadata.maxKeyLength || !key.utf8.allSatisfy(Self.isKeyByte) {
                    report(
                        .metadataKey, spelling,
                        "After \(metadata.prefix) come 1 to \(metadata.maxKeyLength) letters, digits or _. "
                            + "Rename the column.",
                        Self.mendedKey(key, metadata))
                }
            } else if let problem = unknown(spelling, present: names) {
                report(.unknownColumn, spelling, problem.message, problem.suggestion)
            }
            seen[name] = seen[name] ?? position
            if spelling != raw { isSpelledAsVendor = false }
            plan.columns.append(check)
            plan.names.append(spelling)
            plan.fields.append(field)
        }
        for missing in missingColumns(seen: seen) { report(.missingColumn, missing.column, missing.message) }
        // What the header lacks has been said once; the rows need not repeat it.
        for field in schema.fields where field.isRequired {
            if let bit = bits[field.name], plan.columnOfBit[bit] >= 0 { plan.required |= 1 << UInt64(bit) }
        }
        plan.rules = schema.rules.enumerated().compactMap { number, rule in
            Self.ruleCheck(rule, number, bits, hits, plan.columnOfBit)
        }
    }

    private mutating func columnCheck(_ field: ObjectField, hits: [String: UInt64]) -> ColumnCheck {
        var check = ColumnCheck()
        check.minLength = UInt32(clamping: field.minLength ?? 0)
        check.maxLength = UInt32(clamping: field.maxLength ?? Int(UInt32.max))
        check.minimum = field.minimum ?? .min
        check.maximum = field.maximum ?? .max
        check.decimals = UInt8(clamping: field.maxDecimals ?? 18)
        var values: [String] = []
        switch field.type {
        case .string, .tags: check.kind = .text
        case .email: check.kind = .email
        case .date: check.kind = .date
        case .dateOrEpochMilliseconds: check.kind = .dateOrEpochMilliseconds
        case .integer: check.kind = .integer
        case .decimal: check.kind = .decimal
        case .currency: check.kind = .currency
        case .boolean:
            check.kind = .boolean
            values = field.words
        case .enumeration:
            check.kind = .enumeration
            values = field.words
        }
        check.ignoresCase = field.valueCase == .any
        check.firstValue = UInt32(plan.enumValues.count)
        check.valueCount = UInt32(values.count)
        for value in values {
            plan.append(enumValue: value, ignoresCase: check.ignoresCase, hit: hits["\(field.name)=\(value)"] ?? 0)
        }
        return check
    }

    /// Nil where the object takes columns nobody declared and this is not a known one with a slip of the pen.
    private func unknown(_ name: String, present: [String]) -> (message: String, suggestion: String?)? {
        let here = Set(present.map { HeaderName.normalized($0, schema.headerCase) })
        let absent = schema.fields.map(\.name).filter { !here.contains(HeaderName.normalized($0, schema.headerCase)) }
        switch schema.unknownColumns {
        case .refuse:
            let nearest = HeaderName.nearest(to: name, among: absent)
            let advice = nearest.map { "Did you mean \($0)?" } ?? "Take it out, or declare it in the settings."
            return ("There is no column of this name for \(schema.object.rawValue). \(advice)", nearest)
        case .allow:
            guard let nearest = HeaderName.nearest(to: name, among: absent, most: 1) else { return nil }
            return (
                "This is nearly \(nearest). Did you mean that? If it is a custom field, declare it in the settings.",
                nearest
            )
        }
    }

    /// Columns without which no row can be right.
    private func missingColumns(seen: [String: Int]) -> [(column: String, message: String)] {
        func isThere(_ name: String) -> Bool { seen[HeaderName.normalized(name, schema.headerCase)] != nil }
        var missing = schema.fields.filter { $0.isRequired && !isThere($0.name) }.map {
            (column: $0.name, message: "The column is required. Add it to the header and to every row.")
        }
        for rule in schema.rules {
            switch rule.kind {
            case .atLeastOneOf(let names), .exactlyOneOf(let names):
                guard !names.contains(where: isThere), let first = names.first else { continue }
                missing.append((first, "One of the columns \(names.joined(separator: ", ")) is required. Add one."))
            case .requires, .onlyIf:
                continue
            }
        }
        return missing
    }

    /// A bit for every field that is required or that a rule names; in the schema's order.
    private static func bits(of schema: ObjectSchema) -> [String: Int] {
        let ruled = Set(schema.rules.flatMap(\.fieldNames))
        let names = schema.fields.filter { $0.isRequired || ruled.contains($0.name) }.map(\.name)
        return Dictionary(uniqueKeysWithValues: zip(names, 0...))
    }

    /// A bit for every value of an enum that an `only_if` rule asks for, by `field=value`.
    private static func hits(of schema: ObjectSchema) -> [String: UInt64] {
        var hits: [String: UInt64] = [:]
        for rule in schema.rules {
            guard case .onlyIf(_, let when, let values) = rule.kind else { continue }
            for value in values where hits["\(when)=\(value)"] == nil {
                hits["\(when)=\(value)"] = 1 << UInt64(hits.count)
            }
        }
        return hits
    }

    /// Nil where the header has none of the fields that would set it off (said as a missing column).
    private static func ruleCheck(
        _ rule: ObjectRule, _ number: Int, _ bits: [String: Int], _ hits: [String: UInt64], _ columns: [Int]
    ) -> RuleCheck? {
        func mask(_ names: [String]) -> UInt64 {
            names.reduce(0) { $0 | (bits[$1].map { 1 << UInt64($0) } ?? 0) }
        }
        let isThere = rule.fieldNames.contains { bits[$0].map { columns[$0] >= 0 } ?? false }
        guard isThere else { return nil }
        switch rule.kind {
        case .atLeastOneOf(let names):
            return RuleCheck(kind: .atLeastOneOf, fields: mask(names), needed: 0, number: Int32(number))
        case .exactlyOneOf(let names):
            return RuleCheck(kind: .exactlyOneOf, fields: mask(names), needed: 0, number: Int32(number))
        case .requires(let field, let needed):
            return RuleCheck(kind: .requires, fields: mask([field]), needed: mask(needed), number: Int32(number))
        case .onlyIf(let field, let when, let values):
            let needed = values.reduce(0) { $0 | (hits["\(when)=\($1)"] ?? 0) }
            return RuleCheck(kind: .onlyIf, fields: mask([field]), needed: needed, number: Int32(number))
        }
    }

    private static func isKeyByte(_ byte: UInt8) -> Bool {
        byte == 0x5F || byte &- 0x30 < 10 || (byte | 0x20) &- 0x61 < 26
    }

    private static func mendedKey(_ key: Substring, _ metadata: MetadataColumns) -> String? {
        let mended = key.map { $0.utf8.count == 1 && $0.utf8.allSatisfy(isKeyByte) ? $0 : "_" }
        return key.isEmpty ? nil : metadata.prefix + String(mended.prefix(metadata.maxKeyLength))
    }
}
