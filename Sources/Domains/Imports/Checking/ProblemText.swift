import CSV
import CausewayCore

/// Makes problems out of faults: the words, the value, what to put instead. The cold half of the checking; it runs
/// only for what is kept.
struct ProblemText {
    let schema: ObjectSchema
    let plan: RowPlan

    /// - Parameter cells: of the same record as the fault.
    func problem(_ fault: RowFault, _ record: CSVRecord, _ bytes: RawSpan, _ cells: Span<CSVCell>) -> RowProblem {
        var problem = RowProblem(
            row: record.number, line: record.line, byteOffset: record.byteOffset, code: fault.code, message: "")
        if fault.code == .raggedRow {
            let row = count(record.cellCount, "cell")
            problem.message =
                "The row has \(row), the header \(count(plan.columns.count, "column")). "
                + (record.cellCount > plan.columns.count
                    ? "A cell that holds the delimiter has to stand in quotes."
                    : "Add what is missing; an empty cell needs its delimiter too.")
            return problem
        }
        guard fault.column >= 0, Int(fault.column) < cells.count else {
            problem.message = rowMessage(fault)
            return problem
        }
        let column = Int(fault.column)
        let cell = cells[column]
        let value = cell.text(in: bytes, limit: 400)
        problem.column = plan.names[column]
        problem.byteOffset = record.byteOffset + cell.lowerBound
        problem.line = record.line + lineEnds(in: bytes, before: cell.lowerBound)
        if cell.byteCount > 0 { problem.value = String(value.prefix(RowProblem.valueLimit)) }
        problem.message = cellMessage(fault, column: column)
        problem.suggestion = Suggestion.instead(of: value, code: fault.code, field: plan.fields[column])
        return problem
    }

    /// A record whose structure is broken.
    func problem(_ structural: CSVProblem, _ record: CSVRecord, _ bytes: RawSpan, _ cells: Span<CSVCell>) -> RowProblem
    {
        var problem = Self.problem(structural, row: record.number)
        if let cell = structural.cell {
            if cell < plan.names.count { problem.column = plan.names[cell].showingNUL }
            if cell < cells.count {
                problem.value = cells[cell].text(in: bytes, limit: RowProblem.valueLimit).showingNUL
            }
        }
        return problem
    }

    /// What the reader says of a file or a record, in words.
    static func problem(_ structural: CSVProblem, row: Int?, encoding: CSVEncoding = .utf8) -> RowProblem {
        let limits = CSVLimits()
        let kind = structural.kind?.rawValue
        let (code, message): (ProblemCode, String) =
            switch structural.code {
            case .binaryFile where structural.kind == .gzip || structural.kind == .zstd:
                (
                    .binaryFile,
                    "This is \(kind ?? ""), not a CSV. Unpack it, or send it with "
                        + "`Content-Encoding: \(structural.kind == .gzip ? "gzip" : "zstd")`."
                )
            case .binaryFile:
                (.binaryFile, "This is \(kind ?? "no text"), not a CSV. Save it as \"CSV UTF-8\" and send that.")
            case .invalidEncoding:
                (
                    .invalidEncoding,
                    kind.map { "This is \($0). Save it as \"CSV UTF-8\", or declare what it is." }
                        ?? encodingMessage(encoding)
                )
            case .headerTooLong:
                (.headerTooLong, "The header is longer than \(limits.header >> 10) KiB. Is the first line a header?")
            case .tooManyColumns:
                (.tooManyColumns, "The header has more than \(limits.columns) columns.")
            case .unclosedQuote:
                (.unclosedQuote, "The quote that opens here is not closed. Close it, or double it if it is meant.")
            case .textAfterQuote:
                (
                    .textAfterQuote,
                    "After a closing quote comes the delimiter or the end of the line. Double quotes within a cell: \"\"."
                )
            case .recordTooLong:
                (.recordTooLong, "The row is longer than \(limits.record >> 10) KiB.")
            case .cellTooLong:
                (.cellTooLong, "The cell has more than \(limits.cell) characters.")
            case .nulByte:
                (.nulByte, "There is a NUL byte in this row. Take it out.")
            }
        return RowProblem(
            row: row, line: structural.line, byteOffset: structural.byteOffset, code: code, message: message)
    }

    private static func encodingMessage(_ encoding: CSVEncoding) -> String {
        switch encoding {
        case .utf8:
            "A byte here is not UTF-8; the file was probably saved as Windows-1252 or Latin-1. Save it as "
                + "\"CSV UTF-8\", or declare it with `Content-Type: text/csv; charset=windows-1252`."
        case .windows1252:
            "A byte here means nothing in Windows-1252, as which the file is declared. Save it as \"CSV UTF-8\" and "
                + "declare nothing."
        case .utf16LittleEndian, .utf16BigEndian:
            "Half a character stands here, so the file is no good \(encoding.rawValue.uppercased()); it may be cut off. "
                + "Save it as \"CSV UTF-8\"."
        }
    }

    private func rowMessage(_ fault: RowFault) -> String {
        switch fault.code {
        case .required: "The row is empty. Take it out."
        case .metadataCount:
            "The row has more than \(plan.maxMetadataValues) metadata values. Leave some empty."
        default: ruleMessage(fault)
        }
    }

    private func cellMessage(_ fault: RowFault, column: Int) -> String {
        if fault.rule >= 0 { return ruleMessage(fault) }
        let name = plan.names[column]
        let field = plan.fields[column]
        switch fault.code {
        case .required: return "\(name) is required. Fill it."
        case .invalidEmail: return "This is no e-mail address (name@example.com)."
        case .invalidDate:
            let form = "This is no day of the calendar, written YYYY-MM-DD"
            return field?.type == .dateOrEpochMilliseconds
                ? "\(form), and no milliseconds since 1970 either." : "\(form)."
        case .invalidAmount: return amountMessage(field)
        case .invalidCurrency: return "This is no currency: three capital letters after ISO 4217, such as USD."
        case .invalidEnum:
            let values = (field?.values ?? []).joined(separator: ", ")
            return "\(name) is one of: \(values)"
                + (field?.valueCase == .exact ? ", written exactly so." : ".")
        case .invalidBoolean: return "\(name) is true or false, written exactly so."
        case .tooLong: return "\(name) has at most \(count(field?.maxLength ?? 0, "character"))."
        case .tooShort: return "\(name) has at least \(count(field?.minLength ?? 0, "character"))."
        case .metadataValue:
            return "A metadata value has at most \(count(schema.metadata?.maxValueLength ?? 0, "character"))."
        default: return "This cannot be imported."
        }
    }

    private func amountMessage(_ field: ObjectField?) -> String {
        guard let field else { return "This is no number." }
        var text =
            field.type == .integer
            ? "This is no whole number (digits only, - before them where negative)"
            : "This is no amount with a point and at most \(count(field.maxDecimals ?? 0, "decimal"))"
        if let minimum = field.minimum, let maximum = field.maximum { text += " from \(minimum) to \(maximum)" }
        return text + "."
    }

    private func ruleMessage(_ fault: RowFault) -> String {
        guard schema.rules.indices.contains(Int(fault.rule)) else { return "This cannot be imported." }
        switch schema.rules[Int(fault.rule)].kind {
        case .atLeastOneOf(let names): return "One of \(names.joined(separator: ", ")) is needed."
        case .exactlyOneOf(let names):
            return "Exactly one of \(names.joined(separator: ", ")) is needed."
        case .requires(let field, let needed):
            return "Where \(field) is given, \(needed.joined(separator: ", ")) is needed too."
        case .onlyIf(let field, let when, let values):
            return "\(field) may be given only where \(when) is \(values.joined(separator: " or "))."
        }
    }

    private func count(_ number: Int, _ word: String) -> String {
        "\(number) \(word)\(number == 1 ? "" : "s")"
    }

    private func lineEnds(in bytes: RawSpan, before end: Int) -> Int {
        let span = Span<UInt8>(_bytes: bytes)
        var ends = 0
        for index in 0..<end {
            let isPair = span[index] == 0x0D && index + 1 < span.count && span[index + 1] == 0x0A
            if (span[index] == 0x0A || span[index] == 0x0D) && !isPair { ends += 1 }
        }
        return ends
    }
}
