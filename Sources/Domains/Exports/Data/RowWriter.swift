import CSV
import CausewayCore

/// Writes records of a part in another shape: fewer columns, another order, JSON.
struct RowWriter {
    private let format: ExportData.Format
    private let indices: [Int]
    /// `{"name":` of the first column, `,"name":` of the others.
    private let keys: [[UInt8]]
    private let writer: CSVWriter
    private var scratch: [UInt8] = []

    init(_ shape: RowShape, head: CSVHead) throws {
        format = shape.format
        let indices = try shape.indices(in: head.names)
        self.indices = indices
        keys = indices.enumerated().map { place, index in
            Array("\(place == 0 ? "{" : ",")\(JSONValue.string(head.names[index]).text):".utf8)
        }
        writer = CSVWriter(lineEnd: head.lineEnd.count == 2 ? .carriageReturnLineFeed : .lineFeed)
    }

    /// The header; nil where the format has none.
    mutating func header(_ head: CSVHead) -> [UInt8]? {
        guard format == .csv else { return nil }
        var bytes: [UInt8] = []
        writer.append(indices.map { head.names[$0] }, to: &bytes)
        return bytes
    }

    /// A cell that is missing is an empty one.
    mutating func append(_ bytes: RawSpan, _ cells: Span<CSVCell>, to output: inout [UInt8]) {
        switch format {
        case .csv:
            for (place, index) in indices.enumerated() {
                if place > 0 { output.append(writer.delimiter.byte) }
                if index < cells.count {
                    writer.append(
                        cells[index], of: bytes, isOnly: indices.count == 1, to: &output, scratch: &scratch)
                } else if indices.count == 1 {
                    output.append(contentsOf: [0x22, 0x22])
                }
            }
            output.append(contentsOf: writer.lineEnd.rawValue.utf8)
        case .ndjson:
            for (place, index) in indices.enumerated() {
                output.append(contentsOf: keys[place])
                output.append(0x22)
                if index < cells.count { Self.append(cells[index], of: bytes, to: &output) }
                output.append(0x22)
            }
            output.append(contentsOf: [0x7D, 0x0A])
        }
    }

    /// A cell's content as it stands within a JSON string (RFC 8259, section 7).
    private static func append(_ cell: CSVCell, of record: RawSpan, to output: inout [UInt8]) {
        let bytes = Span<UInt8>(_bytes: record)
        var index = cell.lowerBound
        while index < cell.upperBound {
            let byte = bytes[index]
            index &+= 1
            switch byte {
            case 0x22:
                output.append(0x5C)
                output.append(0x22)
                // Doubled in the file, one in the cell.
                if cell.hasEscapes { index &+= 1 }
            case 0x5C:
                output.append(0x5C)
                output.append(0x5C)
            case 0x0A: output.append(contentsOf: [0x5C, 0x6E])
            case 0x0D: output.append(contentsOf: [0x5C, 0x72])
            case 0x09: output.append(contentsOf: [0x5C, 0x74])
            case ..<0x20:
                output.append(contentsOf: [0x5C, 0x75, 0x30, 0x30, 0x30 + byte >> 4, hexDigit(byte & 15)])
            default: output.append(byte)
            }
        }
    }

    private static func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }
}
