/// The page about one object, for people, in Markdown: its columns, its rules, an example, and each error with how to mend
/// it. Made from the schema, so that it cannot say anything else than what is checked.
public struct ObjectPage: Sendable {
    private let schema: ObjectSchema
    private let group: String?

    /// - Parameter group: whose own fields the schema has; for the title.
    public init(_ schema: ObjectSchema, group: String? = nil) {
        self.schema = schema
        self.group = group
    }

    public var markdown: String {
        let title = group.map { "\(schema.title) of the group \($0)" } ?? schema.title
        return ["# \(title)", schema.summary, sending, columns, metadata, rules, example, errors]
            .compactMap(\.self).joined(separator: "\n\n") + "\n"
    }

    private var object: String { schema.object.rawValue }

    private var sending: String {
        let query = schema.needsGroup ? "?group=\(group ?? "GROUP")" : ""
        var text = """
            ```sh
            curl -u ":$CAUSEWAY_KEY" -H 'Accept: text/plain' -T \(object).csv '$CAUSEWAY_URL/v1/imports/\(object)\(query)'
            causeway check \(object).csv --object \(object)   # without a gateway; nothing is sent
            ```

            """.replacing(
                "'$CAUSEWAY_URL/v1/imports/\(object)\(query)'", with: "\"$CAUSEWAY_URL/v1/imports/\(object)\(query)\"")
        text +=
            "\n`mode=dry_run` only checks, `mode=valid_rows` forwards the good rows and hands the others back; without, "
        text += "one bad row refuses the file."
        if schema.needsGroup { text += " A file goes to one group, which the upload names." }
        if schema.options.contains("send_invites") {
            text += " `send_invites=true` makes the vendor invite new partners by e-mail."
        }
        switch schema.resend {
        case .safe: text += " Sending the same rows again updates them."
        case .safeWithoutInvites: text += " Sending the same rows again updates them; invitations would go out again."
        case .unsafe: text += " Sending the same rows again can add or pay a second time."
        }
        if !schema.unique.isEmpty {
            let names = schema.unique.map { "`\($0)`" }.joined(separator: " or ")
            text += " A second row of a file with the same \(names) is `duplicate_key`."
        }
        if schema.remembersRows {
            text += " Rows that went out are refused in other files for seven days (`row_already_forwarded`), unless "
            text += "`force=true` says otherwise."
            text += sameRows
        }
        return text
    }

    /// What makes no difference between two rows.
    private var sameRows: String {
        var words: [String] = []
        for field in schema.fields {
            if let other = field.sameAs { words.append("with its money in `\(field.name)` or in `\(other)`") }
            if field.type == .dateOrEpochMilliseconds {
                words.append("with a day or the milliseconds of its midnight UTC in `\(field.name)`")
            }
            if let standard = field.standard { words.append("with `\(standard)` or nothing in `\(field.name)`") }
        }
        var text = " However a number is written and whatever the order of columns, a row is the same"
        if !words.isEmpty { text += "; also " + words.joined(separator: ", ") }
        text += "."
        for rule in schema.rules {
            guard case .exactlyOneOf(let names) = rule.kind,
                !schema.fields.contains(where: { names.contains($0.name) && $0.sameAs != nil })
            else { continue }
            let listed = names.map { "`\($0)`" }.joined(separator: ", ")
            text += " The same one named by another of \(listed) makes another row: the gateway does not know "
            text += "that they are one."
        }
        guard !schema.unique.isEmpty else { return text }
        let names = schema.unique.map { "`\($0)`" }.joined(separator: " or ")
        text += " A row is known by its \(names)"
        guard schema.comparesBesideKeys else { return text + "." }
        return text + "; once with one and once without, and else the same, it is the same row too."
    }

    private var columns: String {
        var lines = ["## Columns", ""]
        var words = "The header may have them in any order"
        words += schema.headerCase == .any ? " and in letters of either case." : ", spelled exactly so."
        switch schema.unknownColumns {
        case .refuse:
            words += " Other columns are refused; what your program has besides is declared in the settings."
        case .allow: words += " Other columns are taken as custom fields of your program."
        }
        lines += [words, ""]
        lines.append("| column | required | what it holds | example | |")
        lines.append("|---|---|---|---|---|")
        for field in schema.fields {
            let cells = [
                "`\(field.name)`", field.isRequired ? "yes" : "", field.form,
                field.example.isEmpty ? "" : "`\(field.example)`", field.description + field.source.note,
            ]
            lines.append("| \(cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ")) |")
        }
        return lines.joined(separator: "\n")
    }

    private var metadata: String? {
        schema.metadata.map { "`\($0.prefix)*`: \($0.description)" }
    }

    private var rules: String? {
        guard !schema.rules.isEmpty else { return nil }
        return "## Rules\n\n" + schema.rules.map { "- \($0.words)\($0.source.note)" }.joined(separator: "\n")
    }

    private var example: String {
        "## Example\n\n`GET /v1/objects/\(object)/template.csv`:\n\n```csv\n\(schema.template)```"
    }

    private var errors: String {
        var lines = ["## Errors", "", "| code | what is wrong | how to mend it |", "|---|---|---|"]
        for code in ProblemCode.allCases where schema.canHave(code) {
            let guide = ProblemGuide.of(code)
            lines.append("| `\(code.rawValue)` | \(guide.meaning) | \(guide.remedy) |")
        }
        return lines.joined(separator: "\n")
    }
}

extension ObjectSchema {
    /// Whether a file of this object can have this mistake at all.
    func canHave(_ code: ProblemCode) -> Bool {
        func has(_ types: ObjectField.FieldType...) -> Bool { fields.contains { types.contains($0.type) } }
        func hasRule(_ isSo: (ObjectRule.Kind) -> Bool) -> Bool { rules.contains { isSo($0.kind) } }
        switch code {
        case .atLeastOneOf: return hasRule { if case .atLeastOneOf = $0 { true } else { false } }
        case .exactlyOneOf: return hasRule { if case .exactlyOneOf = $0 { true } else { false } }
        case .requiresColumn:
            return hasRule {
                switch $0 {
                case .requires, .onlyIf: true
                case .atLeastOneOf, .exactlyOneOf: false
                }
            }
        case .invalidEmail: return has(.email)
        case .invalidDate: return has(.date, .dateOrEpochMilliseconds)
        case .invalidAmount: return has(.integer, .decimal)
        case .invalidCurrency: return has(.currency)
        case .invalidEnum: return has(.enumeration)
        case .invalidBoolean: return has(.boolean)
        case .tooLong: return fields.contains { $0.maxLength != nil }
        case .tooShort: return fields.contains { ($0.minLength ?? 0) > 0 }
        case .metadataKey, .metadataValue, .metadataCount: return metadata != nil
        default: return true
        }
    }
}

extension ObjectField {
    /// What a cell may hold, in words.
    fileprivate var form: String {
        var bounds: [String] = []
        if let minLength { bounds.append("at least \(minLength)") }
        if let maxLength { bounds.append("at most \(maxLength)") }
        let length = bounds.isEmpty ? "" : ", \(bounds.joined(separator: " and ")) characters"
        var range = ""
        if let minimum, let maximum { range = " from \(minimum) to \(maximum)" }
        let form = form(length: length, range: range)
        return standard.map { "\(form); empty means `\($0)`" } ?? form
    }

    private func form(length: String, range: String) -> String {
        switch type {
        case .string: "text\(length)"
        case .tags: "words separated by commas, in quotes then\(length)"
        case .email: "an e-mail address\(length)"
        case .date: "a day, `YYYY-MM-DD`"
        case .dateOrEpochMilliseconds: "a day, `YYYY-MM-DD`, or milliseconds since 1970"
        case .integer: "a whole number\(range)"
        case .decimal: "a number with at most \(maxDecimals ?? 18) decimals\(range)"
        case .boolean: "`true` or `false`"
        case .currency: "three capital letters after ISO 4217"
        case .enumeration:
            "one of " + values.map { "`\($0)`" }.joined(separator: ", ")
                + (valueCase == .any ? " in letters of either case" : "")
        }
    }
}

extension ObjectRule {
    fileprivate var words: String {
        func list(_ names: [String]) -> String { names.map { "`\($0)`" }.joined(separator: ", ") }
        return switch kind {
        case .atLeastOneOf(let names): "One of \(list(names)) is needed, or several."
        case .exactlyOneOf(let names): "Exactly one of \(list(names)) is needed."
        case .requires(let field, let needed): "Where `\(field)` is given, \(list(needed)) is needed too."
        case .onlyIf(let field, let when, let values):
            "`\(field)` may be given only where `\(when)` is \(values.map { "`\($0)`" }.joined(separator: " or "))."
        }
    }
}

extension RuleSource {
    /// Where it is not the vendor's guide that says so.
    fileprivate var note: String {
        switch self {
        case .guide: ""
        case .reference: " (after the vendor's API reference)"
        case .inferred: " (inferred: the vendor does not say so)"
        case .program: " (your program's own)"
        }
    }
}
