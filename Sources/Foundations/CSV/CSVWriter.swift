/// Writes records as RFC 4180 has them, in UTF-8, quoting only where a cell needs it.
public struct CSVWriter: Sendable {
    public enum LineEnd: String, Sendable {
        case lineFeed = "\n"
        case carriageReturnLineFeed = "\r\n"
    }

    public let delimiter: CSVDelimiter
    public let lineEnd: LineEnd

    public init(delimiter: CSVDelimiter = .comma, lineEnd: LineEnd = .lineFeed) {
        self.delimiter = delimiter
        self.lineEnd = lineEnd
    }

    /// One record with its line end, as text.
    public func record(_ cells: [String]) -> String {
        var bytes: [UInt8] = []
        append(cells, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Appends one record with its line end.
    public func append(_ cells: [String], to bytes: inout [UInt8]) {
        for (index, cell) in cells.enumerated() {
            if index > 0 { bytes.append(delimiter.byte) }
            append(cell: cell.utf8, isOnly: cells.count == 1, to: &bytes)
        }
        bytes.append(contentsOf: lineEnd.rawValue.utf8)
    }

    /// Appends one cell of what a reader handed out, for rewriting a file without text for each cell.
    /// - Parameter scratch: reused between calls.
    public func append(
        _ cell: CSVCell, of record: RawSpan, isOnly: Bool, to bytes: inout [UInt8], scratch: inout [UInt8]
    ) {
        cell.unescape(from: record, into: &scratch)
        append(cell: scratch, isOnly: isOnly, to: &bytes)
    }

    /// A cell that is alone and empty is quoted too: the bare line would be a blank one, which is no record.
    private func append(cell: some Collection<UInt8>, isOnly: Bool, to bytes: inout [UInt8]) {
        let mustQuote =
            (isOnly && cell.isEmpty)
            || cell.contains {
                $0 == delimiter.byte || $0 == CSVByte.quote || $0 == CSVByte.lineFeed || $0 == CSVByte.carriageReturn
            }
        guard mustQuote else {
            bytes.append(contentsOf: cell)
            return
        }
        bytes.append(CSVByte.quote)
        for byte in cell {
            if byte == CSVByte.quote { bytes.append(byte) }
            bytes.append(byte)
        }
        bytes.append(CSVByte.quote)
    }
}
