import CSV

extension ObjectSchema {
    /// A CSV to begin with: the header and one row that keeps every rule. Of columns that exclude one another the first is
    /// filled.
    public var template: String {
        let writer = CSVWriter()
        return writer.record(fields.map(\.name)) + writer.record(fields.map { templateCell($0) })
    }

    private func templateCell(_ field: ObjectField) -> String {
        for rule in rules {
            switch rule.kind {
            case .exactlyOneOf(let names) where names.contains(field.name) && names.first != field.name: return ""
            case .onlyIf(field.name, let when, let values):
                guard let cell = self.field(named: when)?.sample, values.contains(cell) else { return "" }
            case .atLeastOneOf, .exactlyOneOf, .requires, .onlyIf: continue
            }
        }
        return field.sample
    }
}

extension ObjectField {
    /// Its example, or where it has none something that its own rules let pass.
    var sample: String {
        if !example.isEmpty { return example }
        switch type {
        case .email: return "name@example.com"
        case .date, .dateOrEpochMilliseconds: return "2020-12-25"
        case .integer, .decimal: return String(min(max(100, minimum ?? .min), maximum ?? .max))
        case .boolean: return "true"
        case .enumeration: return values.first ?? ""
        case .currency: return "USD"
        case .string, .tags:
            let text = "text" + String(repeating: "t", count: max(0, (minLength ?? 0) - 4))
            return String(text.prefix(maxLength ?? .max))
        }
    }
}
