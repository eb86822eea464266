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
        work.faults.removeAll(keepingCapacity: true)
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
            let check = columns[column]
            var isGiven = span[cell.lowerBound] > 0x20
            if !isGiven { isGiven = !Self.isBlank(span, cell.lowerBound, cell.upperBound) }
            if isGiven {
                given |= check.bit
                filled &+= 1
                if check.kind == .metadata { metadata &+= 1 }
            } else if check.kind == .text || check.kind == .unchecked || check.bit & plan.required != 0 {
                // As good as empty; where a value is required that is said below.
                continue
            }
            let code: ProblemCode?
            if cell.hasEscapes {
                cell.unescape(from: bytes, into: &work.unescaped)
                code = unsafe fault(
                    check, work.unescaped.span, work.unescaped.span.bytes, 0, work.unescaped.count,
                    record.hasNonASCII, &hits)
            } else {
                code = fault(
                    check, span, bytes, cell.lowerBound, cell.upperBound, record.hasNonASCII, &hits)
            }
            if let code { work.faults.append(RowFault(code: code, column: Int32(truncatingIfNeeded: column))) }
        }
        checkRules(given: given, hits: hits, filled: filled, metadata: metadata, &work.faults)
        return work.faults.isEmpty
    }

    /// Only spaces and tabs (and line ends within quotes): as good as empty.
    private static func isBlank(_ span: Span<UInt8>, _ start: Int, _ end: Int) -> Bool {
        for index in start..<end where span[index] > 0x20 { return false }
        return true
    }

    @inline(__always)
    private func fault(
        _ check: ColumnCheck, _ span: Span<UInt8>, _ bytes: RawSpan, _ start: Int, _ end: Int, _ hasNonASCII: Bool,
        _ hits: inout UInt64
    ) -> ProblemCode? {
        switch check.kind {
        case .unchecked:
            return nil
        case .text:
            return lengthFault(check, bytes, start, end, hasNonASCII)
        case .email:
            guard EmailCheck.isValid(span, start, end) else { return .invalidEmail }
            return lengthFault(check, bytes, start, end, hasNonASCII)
        case .date:
            return DateCheck.isDay(bytes, start, end) ? nil : .invalidDate
        case .dateOrEpochMilliseconds:
            return DateCheck.isDay(bytes, start, end) || DateCheck.isEpochMilliseconds(span, start, end)
                ? nil : .invalidDate
        case .integer:
            return AmountCheck.isInteger(span, start, end, minimum: check.minimum, maximum: check.maximum)
                ? nil : .invalidAmount
        case .decimal:
            return AmountCheck.isDecimal(
                span, start, end, minimum: check.minimum, maximum: check.maximum, decimals: Int(check.decimals))
                ? nil : .invalidAmount
        case .boolean:
            return isValue(check, span, start, end, &hits) ? nil : .invalidBoolean
        case .enumeration:
            return isValue(check, span, start, end, &hits) ? nil : .invalidEnum
        case .currency:
            guard let index = CurrencyCheck.index(span, start, end),
                currencies[index &>> 6] &>> UInt64(index & 63) & 1 != 0
            else { return .invalidCurrency }
            return nil
        case .metadata:
            return lengthFault(check, bytes, start, end, hasNonASCII) == nil ? nil : .metadataValue
        }
    }

    @inline(__always)
    private func lengthFault(
        _ check: ColumnCheck, _ bytes: RawSpan, _ start: Int, _ end: Int, _ hasNonASCII: Bool
    ) -> ProblemCode? {
        // A character is one byte at least, so most cells are done with here.
        if end &- start <= Int(check.maxLength), check.minLength == 0 { return nil }
        let characters = hasNonASCII ? UTF8Check.scalarCount(of: bytes, from: start, to: end) : end &- start
        if characters > Int(check.maxLength) { return .tooLong }
        return characters < Int(check.minLength) ? .tooShort : nil
    }

    @inline(__always)
    private func isValue(
        _ check: ColumnCheck, _ span: Span<UInt8>, _ start: Int, _ end: Int, _ hits: inout UInt64
    ) -> Bool {
        let values = plan.enumValues.span
        let first = Int(check.firstValue)
        var number = first
        while number < first &+ Int(check.valueCount) {
            if values[number].bytes.count == end &- start {
                let value = values[number].bytes.span
                var index = 0
                while index < value.count {
                    let byte = span[start &+ index]
                    let isSame =
                        byte == value[index]
                        || (check.ignoresCase && byte &- 0x41 < 26 && byte | 0x20 == value[index] | 0x20)
                        || (check.ignoresCase && byte &- 0x61 < 26 && byte & 0xDF == value[index] & 0xDF)
                    if !isSame { break }
                    index &+= 1
                }
                if index == value.count {
                    hits |= values[number].hit
                    return true
                }
            }
            number &+= 1
        }
        return false
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
