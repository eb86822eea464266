// What happens once for each record: the checks that need all of it, and handing it out.
extension CSVReader {
    mutating func beginRecord(at index: Int, lines: Int) {
        line &+= lines
        linesInside = 0
        recordStart = index
        cellStart = index
        cellCount = 0
        cellFlags = 0
        state = .plain
        problem = nil
    }

    /// Hands out the record that ends before `end`, its line end included.
    mutating func emit(contentEnd: Int, end: Int, lines: Int, _ handler: Handler) throws {
        let start = recordStart
        let hasNonASCII = highAt < contentEnd
        if recordCount == 0, let found = fault(ofHeaderTo: contentEnd) {
            failure = found
            return
        }
        if hasNonASCII {
            let bytes = unsafe UnsafeRawBufferPointer(start: buffer + start, count: contentEnd - start)
            if let invalid = unsafe UTF8Check.firstInvalid(in: bytes) {
                failure = place(.invalidEncoding, at: start + invalid)
                return
            }
        }
        if contentEnd &- start > limits.cell, problem == nil { problem = tooLongCell(hasNonASCII: hasNonASCII) }
        let record = CSVRecord(
            number: recordCount, line: line, byteOffset: base &+ start, byteCount: end &- start,
            cellCount: cellCount, hasNonASCII: hasNonASCII, problem: problem)
        let count = min(cellCount, limits.columns)
        recordCount &+= 1
        beginRecord(at: end, lines: lines)
        try unsafe handler(
            record, UnsafeRawBufferPointer(start: buffer + start, count: end &- start).bytes,
            UnsafeBufferPointer(start: cells, count: count).span)
    }

    /// A header that is no text, or has too many cells, or bad structure, leaves nothing to go by.
    private func fault(ofHeaderTo end: Int) -> CSVProblem? {
        for index in recordStart..<end {
            let byte = unsafe buffer.load(fromByteOffset: index, as: UInt8.self)
            if byte < 0x20, byte != 0x09, byte != CSVByte.lineFeed, byte != CSVByte.carriageReturn {
                return place(.binaryFile, at: index)
            }
        }
        if end - recordStart > limits.header {
            return CSVProblem(.headerTooLong, line: line, byteOffset: base + recordStart)
        }
        if cellCount > limits.columns {
            return CSVProblem(.tooManyColumns, line: line, byteOffset: base + recordStart)
        }
        return problem
    }

    /// A problem at `index` with the line and the cell that hold it.
    private func place(_ code: CSVProblem.Code, at index: Int) -> CSVProblem {
        var ends = 0
        for position in recordStart..<index {
            switch unsafe buffer.load(fromByteOffset: position, as: UInt8.self) {
            case CSVByte.lineFeed:
                ends += 1
            case CSVByte.carriageReturn:
                let following = unsafe buffer.load(fromByteOffset: position + 1, as: UInt8.self)
                if following != CSVByte.lineFeed { ends += 1 }
            default: break
            }
        }
        let offset = index - recordStart
        let cell = (0..<min(cellCount, limits.columns)).first { unsafe cells[$0].upperBound >= offset }
        return CSVProblem(code, line: line + ends, byteOffset: base + index, cell: cell)
    }

    private func tooLongCell(hasNonASCII: Bool) -> CSVProblem? {
        let bytes = unsafe UnsafeRawBufferPointer(start: buffer + recordStart, count: filled - recordStart).bytes
        for number in 0..<min(cellCount, limits.columns) {
            let cell = unsafe cells[number]
            guard cell.byteCount > limits.cell else { continue }
            var characters = UTF8Check.scalarCount(of: bytes, from: cell.lowerBound, to: cell.upperBound)
            if cell.hasEscapes { characters -= quotes(in: cell) / 2 }
            if characters > limits.cell {
                return place(.cellTooLong, at: recordStart + cell.lowerBound, cell: number)
            }
        }
        return nil
    }

    private func place(_ code: CSVProblem.Code, at index: Int, cell: Int) -> CSVProblem {
        let found = place(code, at: index)
        return CSVProblem(code, line: found.line, byteOffset: found.byteOffset, cell: cell)
    }

    private func quotes(in cell: CSVCell) -> Int {
        (cell.lowerBound..<cell.upperBound).count {
            unsafe buffer.load(fromByteOffset: recordStart + $0, as: UInt8.self) == CSVByte.quote
        }
    }
}
