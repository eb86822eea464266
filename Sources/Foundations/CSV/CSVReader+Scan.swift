// The hot part: 64 bytes at a time, stopping only where a byte means something.
extension CSVReader {
    mutating func scan(isFinal: Bool, _ handler: Handler) throws {
        let delimiter = dialect.delimiter.byte
        let delimiters = SIMD16<UInt8>(repeating: delimiter)
        var high = SIMD16<UInt8>(repeating: 0)

        while failure == nil {
            if skippedFrom != nil {
                guard try skip(isFinal: isFinal, handler) else { return }
                continue
            }
            guard next < filled else {
                guard try handleEnd(isFinal: isFinal, handler) else { return }
                continue
            }
            let block = next
            let available = filled &- block
            var bits = unsafe ByteMask.special(at: UnsafeRawPointer(buffer) + block, delimiter: delimiters, high: &high)
            let within: UInt64 = available < 64 ? (1 &<< UInt64(available)) &- 1 : .max
            bits &= within
            var highBits: UInt64 = 0
            if ByteMask.hasNonASCII(high) {
                highBits = unsafe ByteMask.nonASCII(at: UnsafeRawPointer(buffer) + block) & within
                if highBits != 0, highAt == .max { highAt = block &+ highBits.trailingZeroBitCount }
            }
            next = block &+ min(64, available)

            while bits != 0 {
                if state == .plain, cellFlags == 0 {
                    bits = endPlainCells(bits, from: block, delimiter)
                    if bits == 0 { break }
                }
                let index = block &+ bits.trailingZeroBitCount
                bits &= bits &- 1
                if index &- recordStart > limit {
                    try overflow(handler)
                    break
                }
                let byte = unsafe buffer.load(fromByteOffset: index, as: UInt8.self)
                if byte == delimiter {
                    if state == .quoted { continue }
                    endCell(at: index)
                    continue
                }
                switch byte {
                case CSVByte.quote:
                    if state == .plain {
                        if index == cellStart { openQuote(at: index) }
                    } else if state == .quoted {
                        guard index &+ 1 < filled || isFinal else {
                            next = index
                            return
                        }
                        if index &+ 1 < filled,
                            unsafe buffer.load(fromByteOffset: index &+ 1, as: UInt8.self) == CSVByte.quote
                        {
                            cellFlags |= CSVCell.escapedFlag
                            // The second quote is done with too.
                            bits &= bits &- 1
                            next = max(next, index &+ 2)
                        } else {
                            state = .afterQuote
                            closedAt = index
                        }
                    } else if state == .afterQuote {
                        note(.textAfterQuote, at: closedAt &+ 1)
                        state = .restOfLine
                    }
                case CSVByte.lineFeed, CSVByte.carriageReturn:
                    var end = index &+ 1
                    var kind = CSVDialect.LineEnds.lineFeed
                    if byte == CSVByte.carriageReturn {
                        guard end < filled || isFinal else {
                            next = index
                            return
                        }
                        kind = .carriageReturn
                        if end < filled, unsafe buffer.load(fromByteOffset: end, as: UInt8.self) == CSVByte.lineFeed {
                            kind = .carriageReturnLineFeed
                            end &+= 1
                            bits &= bits &- 1
                            next = max(next, end)
                        }
                    }
                    if state == .quoted {
                        passLineEnd(from: index, to: end)
                        if linesInside >= limits.lines {
                            try cutAtOpenQuote(handler)
                            bits = 0
                        }
                        continue
                    }
                    if index == recordStart {
                        passBlankLine(to: end)
                        continue
                    }
                    dialect.lineEnds.insert(kind)
                    endCell(at: index)
                    try emit(contentEnd: index, end: end, lines: linesInside &+ 1, handler)
                    guard failure == nil else { return }
                    // The first byte beyond ASCII after this record, if this block holds one.
                    if highBits != 0, highAt < end {
                        let rest = end &- block < 64 ? highBits & (.max &<< UInt64(end &- block)) : 0
                        highAt = rest == 0 ? .max : block &+ rest.trailingZeroBitCount
                    }
                    if highAt < end { highAt = .max }
                case 0:
                    note(.nulByte, at: index)
                default:
                    break
                }
            }
        }
    }

    /// The most bytes the record at hand may have.
    var limit: Int { recordCount == 0 ? limits.header : limits.record }

    /// Ends cells without quotes, up to the first byte that means anything else; returns the bits from there on. What
    /// changes with each cell stays in registers meanwhile.
    @inline(__always)
    private mutating func endPlainCells(_ bits: UInt64, from block: Int, _ delimiter: UInt8) -> UInt64 {
        var bits = bits
        var start = cellStart
        var count = cellCount
        let record = recordStart
        let furthest = record &+ limit
        let most = limits.columns
        let cells = unsafe cells
        let buffer = unsafe buffer
        while bits != 0, count < most {
            let index = block &+ bits.trailingZeroBitCount
            guard unsafe buffer.load(fromByteOffset: index, as: UInt8.self) == delimiter, index <= furthest else {
                break
            }
            unsafe cells[count] = CSVCell(start: start &- record, end: index &- record, flags: 0)
            count &+= 1
            start = index &+ 1
            bits &= bits &- 1
        }
        cellStart = start
        cellCount = count
        return bits
    }

    @inline(__always)
    private mutating func endCell(at index: Int) {
        var start = cellStart
        var end = index
        if cellFlags != 0 {
            start &+= 1
            end = closedAt
            if state == .afterQuote {
                state = .plain
                if closedAt &+ 1 != index {
                    note(.textAfterQuote, at: closedAt &+ 1)
                    state = .restOfLine
                }
            }
        }
        if cellCount < limits.columns {
            unsafe cells[cellCount] = CSVCell(
                start: start &- recordStart, end: end &- recordStart, flags: cellFlags)
        }
        cellCount &+= 1
        cellStart = index &+ 1
        cellFlags = 0
    }

    private mutating func openQuote(at index: Int) {
        state = .quoted
        cellFlags = CSVCell.quotedFlag
        openQuote = OpenQuote(at: index, linesBefore: linesInside)
    }

    private mutating func passLineEnd(from index: Int, to end: Int) {
        linesInside &+= 1
        guard !openQuote.hasLineEnd else { return }
        openQuote.hasLineEnd = true
        openQuote.contentEnd = index
        openQuote.lineEnd = end
    }

    private mutating func passBlankLine(to end: Int) {
        if recordCount == 0 { dialect.hasLeadingBlankLines = true }
        line &+= 1
        recordStart = end
        cellStart = end
    }

    /// Remembers the first problem of the record.
    private mutating func note(_ code: CSVProblem.Code, at index: Int) {
        guard problem == nil else { return }
        problem = CSVProblem(
            code, line: line &+ linesInside, byteOffset: base &+ index, cell: cellCount)
    }

    /// All bytes have been looked at. False where nothing more can be done with them.
    private mutating func handleEnd(isFinal: Bool, _ handler: Handler) throws -> Bool {
        // Only a byte beyond `limit` proves the record too long: the byte at `limit` may be its line end.
        if filled - recordStart > (isFinal ? limit : limit + 1) {
            try overflow(handler)
            return true
        }
        guard isFinal, recordStart < filled else { return false }
        if state == .quoted {
            try cutAtOpenQuote(handler)
            return true
        }
        endCell(at: filled)
        try emit(contentEnd: filled, end: filled, lines: linesInside, handler)
        return false
    }

    /// The record has more bytes than it may.
    private mutating func overflow(_ handler: Handler) throws {
        if state == .quoted, openQuote.hasLineEnd {
            try cutAtOpenQuote(handler)
        } else if recordCount == 0 {
            failure = CSVProblem(.headerTooLong, line: line, byteOffset: base + recordStart)
        } else {
            // All line ends up to here lay within quotes; the first one after ends the record.
            next = recordStart + limit + 1
            skippedFrom = base + recordStart
        }
    }

    /// The quote does not close: the record ends with the line where it opened, the next line is read afresh.
    ///
    /// This cannot be driven to read the same bytes again and again: a quote stays open over many lines only if
    /// each of them has its quotes in pairs, and then none of them opens one when read afresh.
    private mutating func cutAtOpenQuote(_ handler: Handler) throws {
        let isCut = openQuote.hasLineEnd
        let contentEnd = isCut ? openQuote.contentEnd : filled
        let end = isCut ? openQuote.lineEnd : filled
        linesInside = openQuote.linesBefore
        problem = nil
        note(.unclosedQuote, at: openQuote.at)
        let found = problem
        if recordCount == 0 {
            failure = found
            return
        }
        closedAt = contentEnd
        state = .plain
        cellStart = openQuote.at
        endCell(at: contentEnd)
        try emit(contentEnd: contentEnd, end: end, lines: linesInside + 1, handler)
        next = end
        highAt = .max
    }

    /// Looks for the end of a record that is too long. False while it has not come.
    private mutating func skip(isFinal: Bool, _ handler: Handler) throws -> Bool {
        guard let start = skippedFrom else { return true }
        var index = next
        while index < filled {
            let byte = unsafe buffer.load(fromByteOffset: index, as: UInt8.self)
            index &+= 1
            guard byte == CSVByte.lineFeed || byte == CSVByte.carriageReturn else { continue }
            if byte == CSVByte.carriageReturn {
                guard index < filled || isFinal else {
                    drop(to: index - 1)
                    return false
                }
                if index < filled, unsafe buffer.load(fromByteOffset: index, as: UInt8.self) == CSVByte.lineFeed {
                    index &+= 1
                }
            }
            try emitSkipped(from: start, to: index, handler)
            return true
        }
        drop(to: filled)
        if isFinal { try emitSkipped(from: start, to: filled, handler) }
        return false
    }

    private mutating func drop(to index: Int) {
        next = index
        recordStart = index
    }

    private mutating func emitSkipped(from start: Int, to end: Int, _ handler: Handler) throws {
        let record = CSVRecord(
            number: recordCount, line: line, byteOffset: start, byteCount: base + end - start, cellCount: 0,
            hasNonASCII: false, problem: CSVProblem(.recordTooLong, line: line, byteOffset: start))
        recordCount += 1
        skippedFrom = nil
        next = end
        highAt = .max
        beginRecord(at: end, lines: linesInside + 1)
        try unsafe handler(
            record, UnsafeRawBufferPointer(start: buffer, count: 0).bytes,
            UnsafeBufferPointer(start: cells, count: 0).span)
    }
}
