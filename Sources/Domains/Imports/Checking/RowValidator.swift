import CSV

/// Checks rows against a plan, one pass over the bytes.
///
/// The hot half: no text, no allocation for a row without doubled quotes, nothing generic. What is wrong comes out
/// as `RowFault`s, which are made into words only where they are kept.
struct RowValidator: Sendable {
    let plan: RowPlan
    private let currencies = CurrencyCheck.known

    /// What checking a row writes to; kept between rows, apart from what it reads.
    struct Work: Sendable {
        /// What is wrong with the row checked last.
        fileprivate(set) var faults: [RowFault] = []
        fileprivate var unescaped: [UInt8] = []
        /// What the rules saw in the last row that kept them: most rows look alike to them.
        fileprivate var kept: (given: UInt64, hits: UInt64) = (0, 0)
    }

    init(plan: RowPlan) {
        self.plan = plan
    }

    enum Verdict {
        /// Nothing but delimiters: no row.
        case blank
        case valid
        /// Its structure is broken (`record.problem`), or `work.faults` says what is wrong.
        case invalid
    }

    @inline(__always)
    func verdict(
        _ record: CSVRecord, _ bytes: RawSpan, _ cells: Span<CSVCell>, _ work: inout Work
    ) -> Verdict {
        if record.problem != nil { return .invalid }
        if cells.hasOnlyDelimiters, record.cellCount == cells.count { return .blank }
        return check(record, bytes, cells, &work) ? .valid : .invalid
    }

    /// True where the row keeps all rules; otherwise `work.faults` says what is wrong.
    private func check(
        _ record: CSVRecord, _ bytes: RawSpan, _ cells: Span<CSVCell>, _ work: inout Work
    ) -> Bool {
        if !work.faults.isEmpty { work.faults.removeAll(keepingCapacity: true) }
        guard record.cellCount == plan.columns.count else {
            work.faults.append(RowFault(code: .raggedRow, column: -1))
            return false
        }
        let span = Span<UInt8>(_bytes: bytes)
        var given: UInt64 = 0
        var hits: UInt64 = 0
        var filled = 0
        var metadata = 0
        let columns = plan.columns.span
        for column in columns.indices {
            let cell = cells[column]
            let count = cell.byteCount
            if count == 0 { continue }
            let kind = columns[column].kind
            var isGiven = span[cell.lowerBound] > 0x20
            if !isGiven { isGiven = !Self.isBlank(span, cell.lowerBound, cell.upperBound) }
            if isGiven {
                given |= columns[column].bit
                filled &+= 1
                if kind == .metadata { metadata &+= 1 }
            } else if kind == .text || kind == .unchecked || columns[column].bit & plan.required != 0 {
                // As good as empty; where a value is required that is said below.
                continue
            }
            let code =
                cell.hasEscapes
                ? unescapedFault(columns, column, bytes, cell, record.hasNonASCII, &work, &hits)
                : fault(columns, column, bytes, cell.lowerBound, cell.upperBound, record.hasNonASCII, &hits)
            if let code { work.faults.append(RowFault(code: code, column: Int32(truncatingIfNeeded: column))) }
        }
        if given == work.kept.given, hits == work.kept.hits, given != 0, metadata <= plan.maxMetadataValues {
            return work.faults.isEmpty
        }
        let faults = work.faults.count
        checkRules(given: given, hits: hits, filled: filled, metadata: metadata, &work.faults)
        if work.faults.count == faults { work.kept = (given, hits) }
        return work.faults.isEmpty
    }

    /// Only spaces and tabs (and line ends within quotes): as good as empty.
    private static func isBlank(_ span: Span<UInt8>, _ start: Int, _ end: Int) -> Bool {
        for index in start..<end where span[index] > 0x20 { return false }
        return true
    }

    /// Few cells have doubled quotes: apart, so that the others stay in a small loop.
    @inline(never)
    private func unescapedFault(
        _ columns: Span<ColumnCheck>, _ column: Int, _ bytes: RawSpan, _ cell: CSVCell, _ hasNonASCII: Bool,
        _ work: inout Work, _ hits: inout UInt64
    ) -> ProblemCode? {
        cell.unescape(from: bytes, into: &work.unescaped)
        let unescaped = unsafe work.unescaped.span.bytes
        return fault(columns, column, unescaped, 0, unescaped.byteCount, hasNonASCII, &hits)
    }

    /// Takes of the column's check only what its kind needs, where it stands: it is too large to be moved for each cell.
    @inline(__always)
    private func fault(
        _ columns: Span<ColumnCheck>, _ column: Int, _ bytes: RawSpan, _ start: Int, _ end: Int, _ hasNonASCII: Bool,
        _ hits: inout UInt64
    ) -> ProblemCode? {
        switch columns[column].kind {
        case .unchecked:
            return nil
        case .text:
            return lengthFault(columns, column, bytes, start, end, hasNonASCII)
        case .email:
            guard EmailCheck.isValid(bytes, start, end) else { return .invalidEmail }
            return lengthFault(columns, column, bytes, start, end, hasNonASCII)
        case .date:
            return DateCheck.isDay(bytes, start, end) ? nil : .invalidDate
        case .dateOrEpochMilliseconds:
            return DateCheck.isDay(bytes, start, end)
                || DateCheck.isEpochMilliseconds(Span<UInt8>(_bytes: bytes), start, end)
                ? nil : .invalidDate
        case .integer:
            return AmountCheck.isInteger(
                bytes, start, end, minimum: columns[column].minimum, maximum: columns[column].maximum)
                ? nil : .invalidAmount
        case .decimal:
            return AmountCheck.isDecimal(
                bytes, start, end, minimum: columns[column].minimum, maximum: columns[column].maximum,
                decimals: Int(columns[column].decimals))
                ? nil : .invalidAmount
        case .boolean:
            return isValue(columns, column, bytes, start, end, &hits) ? nil : .invalidBoolean
        case .enumeration:
            return isValue(columns, column, bytes, start, end, &hits) ? nil : .invalidEnum
        case .currency:
            guard let index = CurrencyCheck.index(Span<UInt8>(_bytes: bytes), start, end),
                currencies[index &>> 6] &>> UInt64(index & 63) & 1 != 0
            else { return .invalidCurrency }
            return nil
        case .metadata:
            return lengthFault(columns, column, bytes, start, end, hasNonASCII) == nil ? nil : .metadataValue
        }
    }

    @inline(__always)
    private func lengthFault(
        _ columns: Span<ColumnCheck>, _ column: Int, _ bytes: RawSpan, _ start: Int, _ end: Int, _ hasNonASCII: Bool
    ) -> ProblemCode? {
        let maximum = Int(columns[column].maxLength)
        let minimum = Int(columns[column].minLength)
        // A character is one byte at least, so most cells are done with here.
        if end &- start <= maximum, minimum == 0 { return nil }
        let characters = hasNonASCII ? UTF8Check.scalarCount(of: bytes, from: start, to: end) : end &- start
        if characters > maximum { return .tooLong }
        return characters < minimum ? .tooShort : nil
    }

    @inline(__always)
    private func isValue(
        _ columns: Span<ColumnCheck>, _ column: Int, _ bytes: RawSpan, _ start: Int, _ end: Int, _ hits: inout UInt64
    ) -> Bool {
        let ignoresCase = columns[column].ignoresCase
        var words = CellWord.both(bytes, start, end)
        if ignoresCase { words = (CellWord.lowercased(words.first), CellWord.lowercased(words.last)) }
        let values = plan.enumValues.span
        var number = Int(columns[column].firstValue)
        let behind = number &+ Int(columns[column].valueCount)
        while number < behind {
            let value = values[number]
            if value.count == end &- start, value.first == words.first, value.last == words.last,
                value.count <= 16 || isSame(value, Span<UInt8>(_bytes: bytes), start, ignoresCase)
            {
                hits |= value.hit
                return true
            }
            number &+= 1
        }
        return false
    }

    private func isSame(_ value: EnumValue, _ span: Span<UInt8>, _ start: Int, _ ignoresCase: Bool) -> Bool {
        let text = plan.enumTexts.span
        for index in 0..<value.count {
            var byte = span[start &+ index]
            if ignoresCase, byte &- 0x41 < 26 { byte |= 0x20 }
            if byte != text[value.text &+ index] { return false }
        }
        return true
    }

    private func checkRules(
        given: UInt64, hits: UInt64, filled: Int, metadata: Int, _ faults: inout [RowFault]
    ) {
        if filled == 0 {
            // One word for a row of nothing but delimiters, instead of one for every rule.
            faults.removeAll(keepingCapacity: true)
            faults.append(RowFault(code: .required, column: -1))
            return
        }
        var missing = plan.required & ~given
        while missing != 0 {
            let bit = missing.trailingZeroBitCount
            missing &= missing &- 1
            faults.append(RowFault(code: .required, column: Int32(truncatingIfNeeded: plan.columnOfBit[bit])))
        }
        let rules = plan.rules.span
        for index in rules.indices {
            let rule = rules[index]
            let code: ProblemCode?
            switch rule.kind {
            case .atLeastOneOf:
                code = given & rule.fields == 0 ? .atLeastOneOf : nil
            case .exactlyOneOf:
                let found = given & rule.fields
                code = found == 0 || found & (found &- 1) != 0 ? .exactlyOneOf : nil
            case .requires:
                code = given & rule.fields != 0 && given & rule.needed != rule.needed ? .requiresColumn : nil
            case .onlyIf:
                code = given & rule.fields != 0 && hits & rule.needed == 0 ? .requiresColumn : nil
            }
            if let code { faults.append(RowFault(code: code, column: column(of: rule, given), rule: rule.number)) }
        }
        if metadata > plan.maxMetadataValues { faults.append(RowFault(code: .metadataCount, column: -1)) }
    }

    /// Where a broken rule is pointed out: at the second of two that exclude one another, at what is missing.
    private func column(of rule: RuleCheck, _ given: UInt64) -> Int32 {
        var bits: UInt64
        switch rule.kind {
        case .exactlyOneOf where given & rule.fields != 0:
            let found = given & rule.fields
            bits = found & (found &- 1)
        case .atLeastOneOf, .exactlyOneOf, .onlyIf:
            bits = rule.fields
        case .requires:
            bits = rule.needed & ~given
        }
        while bits != 0 {
            let column = plan.columnOfBit[bits.trailingZeroBitCount]
            if column >= 0 { return Int32(truncatingIfNeeded: column) }
            bits &= bits &- 1
        }
        return -1
    }
}
