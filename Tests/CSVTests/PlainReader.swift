import CSV

/// The same rules as `CSVReader`, written to be read: the whole file in memory, one byte after the other.
struct PlainReader {
    let bytes: [UInt8]
    let delimiter: UInt8
    let limits: CSVLimits
    private var reading = Reading()
    private var line = 1

    static func read(_ bytes: [UInt8], delimiter: CSVDelimiter = .comma, limits: CSVLimits = CSVLimits()) -> Reading {
        var reader = PlainReader(bytes: bytes, delimiter: delimiter.byte, limits: limits)
        reader.readAll()
        return reader.reading
    }

    private init(bytes: [UInt8], delimiter: UInt8, limits: CSVLimits) {
        self.bytes = bytes
        self.delimiter = delimiter
        self.limits = limits
    }

    private struct Cell {
        var start: Int
        var end: Int
        var isQuoted = false
    }

    /// One past the line end at `index`; nil where none stands there.
    private func lineEnd(at index: Int) -> Int? {
        guard index < bytes.count else { return nil }
        if bytes[index] == 10 { return index + 1 }
        guard bytes[index] == 13 else { return nil }
        return index + 1 < bytes.count && bytes[index + 1] == 10 ? index + 2 : index + 1
    }

    private func lineEnds(from start: Int, to end: Int) -> Int {
        var count = 0
        var index = start
        while index < end {
            if let next = lineEnd(at: index) {
                if next <= end { count += 1 }
                index = next
            } else {
                index += 1
            }
        }
        return count
    }

    private mutating func readAll() {
        var start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        if bytes.count >= 2,
            [[0xFF, 0xFE], [0xFE, 0xFF]].contains(Array(bytes[0..<2]))
                || (bytes[0] == 0) != (bytes[1] == 0)
        {
            reading.failure = "invalid_encoding line 1 at 0 cell -1"
            return
        }
        if bytes.starts(with: [0x50, 0x4B, 3, 4]) {
            reading.failure = "binary_file line 1 at 0 cell -1"
            return
        }
        while start < bytes.count, reading.failure == nil {
            if let end = lineEnd(at: start) {
                line += 1
                start = end
            } else {
                start = readRecord(at: start)
            }
        }
    }

    private var limit: Int { reading.records.isEmpty ? limits.header : limits.record }

    /// Takes one record and answers where the next one begins.
    private mutating func readRecord(at start: Int) -> Int {
        var cells: [Cell] = []
        var problem: (code: String, at: Int, cell: Int)?
        var isHeedless = false
        var index = start

        while true {
            var cell = Cell(start: index, end: index)
            if !isHeedless, index < bytes.count, bytes[index] == 34, index - start <= limit {
                // A quoted cell.
                let opened = index
                var firstLineEnd: (content: Int, next: Int)?
                cell = Cell(start: index + 1, end: index, isQuoted: true)
                index += 1
                while true {
                    if index < bytes.count, index - start > limit {
                        guard let cut = firstLineEnd else { return tooLong(start) }
                        return unclosed(start, opened, cells, cell, cut.content, cut.next)
                    }
                    if index == bytes.count {
                        if index - start > limit, firstLineEnd == nil { return tooLong(start) }
                        return unclosed(
                            start, opened, cells, cell, firstLineEnd?.content ?? index, firstLineEnd?.next ?? index)
                    }
                    if bytes[index] == 34 {
                        if index + 1 < bytes.count, bytes[index + 1] == 34 {
                            index += 2
                            continue
                        }
                        break
                    }
                    if bytes[index] == 0, problem == nil { problem = ("nul_byte", index, cells.count) }
                    if let next = lineEnd(at: index) {
                        let cut = firstLineEnd ?? (index, next)
                        firstLineEnd = cut
                        if lineEnds(from: start, to: next) >= limits.lines {
                            return unclosed(start, opened, cells, cell, cut.content, cut.next)
                        }
                        index = next
                    } else {
                        index += 1
                    }
                }
                cell.end = index
                index += 1
                let ends = index == bytes.count || bytes[index] == delimiter || lineEnd(at: index) != nil
                if !ends {
                    if problem == nil, textStaysBehindQuote(from: index, start: start) {
                        problem = ("text_after_quote", index, cells.count)
                    }
                    isHeedless = true
                }
            }
            // To the end of the cell, without heeding quotes.
            while index < bytes.count, bytes[index] != delimiter, lineEnd(at: index) == nil, index - start <= limit {
                if bytes[index] == 0, problem == nil { problem = ("nul_byte", index, cells.count) }
                index += 1
            }
            if index - start > limit { return tooLong(start) }
            if !cell.isQuoted { cell.end = index }
            cells.append(cell)
            guard index < bytes.count, bytes[index] == delimiter else { break }
            index += 1
        }
        let end = lineEnd(at: index) ?? index
        if end > index {
            reading.lineEnds |= bytes[index] == 10 ? 1 : end - index == 2 ? 2 : 4
        }
        finish(start, index, end, cells, problem)
        return end
    }

    /// Of NUL and text behind a quote the reader names the one it meets first: text is noticed at the next
    /// delimiter, quote or line end, NUL where it stands.
    private func textStaysBehindQuote(from index: Int, start: Int) -> Bool {
        for position in index..<bytes.count {
            if bytes[position] == 0 { return false }
            if bytes[position] == delimiter || bytes[position] == 34 || lineEnd(at: position) != nil { return true }
        }
        return true
    }

    private mutating func tooLong(_ start: Int) -> Int {
        if reading.records.isEmpty {
            reading.failure = "header_too_long line \(line) at \(start) cell -1"
            return bytes.count
        }
        var index = start + limit + 1
        while index < bytes.count, lineEnd(at: index) == nil { index += 1 }
        let end = lineEnd(at: index) ?? index
        reading.records.append(
            ReadRecord(
                number: reading.records.count, line: line, offset: start, bytes: end - start, cells: [],
                problem: "record_too_long line \(line) at \(start) cell -1"))
        line += lineEnds(from: start, to: start + limit + 1) + 1
        return end
    }

    private mutating func unclosed(
        _ start: Int, _ opened: Int, _ cells: [Cell], _ cell: Cell, _ contentEnd: Int, _ end: Int
    ) -> Int {
        let openLine = line + lineEnds(from: start, to: opened)
        let problem = "unclosed_quote line \(openLine) at \(opened) cell \(cells.count)"
        if reading.records.isEmpty {
            reading.failure = problem
            return bytes.count
        }
        let all = cells + [Cell(start: cell.start, end: contentEnd, isQuoted: true)]
        if let invalid = invalid(start, contentEnd, all) {
            reading.failure = invalid
            return bytes.count
        }
        append(start, end, all, problem)
        line = openLine + 1
        return end
    }

    private func invalid(_ start: Int, _ end: Int, _ cells: [Cell]) -> String? {
        var index = start
        while index < end {
            let length = (1...4).first {
                index + $0 <= end && String(validating: bytes[index..<index + $0], as: UTF8.self) != nil
            }
            guard let length else {
                let cell = cells.prefix(limits.columns).firstIndex { $0.end >= index } ?? -1
                return "invalid_encoding line \(line + lineEnds(from: start, to: index)) at \(index) cell \(cell)"
            }
            index += length
        }
        return nil
    }

    private mutating func finish(
        _ start: Int, _ contentEnd: Int, _ end: Int, _ cells: [Cell], _ problem: (code: String, at: Int, cell: Int)?
    ) {
        var text = problem.map {
            "\($0.code) line \(line + lineEnds(from: start, to: $0.at)) at \($0.at) cell \($0.cell)"
        }
        if reading.records.isEmpty {
            if let control = (start..<contentEnd).first(where: { bytes[$0] < 32 && ![9, 10, 13].contains(bytes[$0]) }) {
                let cell = cells.prefix(limits.columns).firstIndex { $0.end >= control } ?? -1
                reading.failure =
                    "binary_file line \(line + lineEnds(from: start, to: control)) at \(control) cell \(cell)"
            } else if cells.count > limits.columns {
                reading.failure = "too_many_columns line \(line) at \(start) cell -1"
            } else {
                reading.failure = text
            }
        }
        if reading.failure == nil { reading.failure = invalid(start, contentEnd, cells) }
        guard reading.failure == nil else { return }
        if text == nil,
            let long = cells.prefix(limits.columns).firstIndex(where: {
                self.text(of: $0).unicodeScalars.count > limits.cell
            })
        {
            let at = cells[long].start
            text = "cell_too_long line \(line + lineEnds(from: start, to: at)) at \(at) cell \(long)"
        }
        append(start, end, cells, text)
        line += lineEnds(from: start, to: contentEnd) + (end > contentEnd ? 1 : 0)
    }

    private func text(of cell: Cell) -> String {
        var content: [UInt8] = []
        var index = cell.start
        while index < cell.end {
            content.append(bytes[index])
            index += cell.isQuoted && bytes[index] == 34 ? 2 : 1
        }
        return String(decoding: content, as: UTF8.self)
    }

    private mutating func append(_ start: Int, _ end: Int, _ cells: [Cell], _ problem: String?) {
        reading.records.append(
            ReadRecord(
                number: reading.records.count, line: line, offset: start, bytes: end - start,
                cells: cells.prefix(limits.columns).map(text), problem: problem))
    }
}
