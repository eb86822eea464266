import CSV
import FileStore
import Foundation

/// The refused rows of a checked file, byte for byte as they came. They are found by reading the file a second time: the
/// same rules give the same verdicts, so only those are remembered that were refused for what other rows say.
public struct RejectedRows: Sendable {
    private let schema: ObjectSchema
    private let summary: ImportSummary
    private let path: String

    private static let block = 1 << 20

    /// Some bytes of the file.
    public struct Piece {
        public enum Kind: UInt32, Sendable {
            /// What stands before the header: a byte order mark, blank lines.
            case opening
            case header
            /// A row whose cells can be told apart.
            case row
            /// A row whose structure is broken, or a part of one that is too long for one piece.
            case broken
        }

        public var kind: Kind
        /// The data row, from 1; 0 before them.
        public var row: Int
        /// The last piece of its row.
        public var isLast: Bool
    }

    /// - Parameters:
    ///   - summary: of the first reading; not of a file that was refused as a whole.
    ///   - path: where the file lies.
    public init(schema: ObjectSchema, summary: ImportSummary, path: String) {
        self.schema = schema
        self.summary = summary
        self.path = path
    }

    /// Header first, then each refused row, as text in UTF-8 whatever the file is written in: `CSVEncoding.bytes(of:)`
    /// gives the file's bytes back. A row beyond the reader's bound is handed out only where the file is UTF-8. Throws
    /// `FileStoreError`, and what `take` throws.
    public func read(_ take: (Piece, RawSpan) throws -> Void) throws {
        let opening = try opening()
        if !opening.isEmpty { try unsafe take(Piece(kind: .opening, row: 0, isLast: true), opening.span.bytes) }
        var validator = RowValidator(plan: RowPlan())
        var work = RowValidator.Work()
        try SecondReading.rows(of: path, summary, schema) { record, bytes, cells in
            if record.number == 0 {
                let names = cells.indices.map { cells[$0].text(in: bytes) }
                let header = HeaderCheck(
                    schema: schema, names: names, line: record.line, byteOffset: record.byteOffset)
                validator = RowValidator(plan: header.plan)
                try take(Piece(kind: .header, row: 0, isLast: true), bytes)
            } else if let problem = record.problem {
                if problem.code == .recordTooLong { return try copy(record, take) }
                try take(Piece(kind: .broken, row: record.number, isLast: true), bytes)
            } else if validator.verdict(record, bytes, cells, &work) == .invalid
                || summary.lateRows.contains(record.number)
            {
                try take(Piece(kind: .row, row: record.number, isLast: true), bytes)
            }
        }
    }

    /// What stands before the header, as text in UTF-8: a byte order mark, `sep=;`, blank lines.
    private func opening() throws -> [UInt8] {
        let length = summary.headerBytes.lowerBound
        guard length > 0 else { return [] }
        let file = try open()
        defer { try? file.close() }
        guard summary.encoding == .utf16LittleEndian || summary.encoding == .utf16BigEndian else {
            return try file.read(upToCount: length).map(Array.init) ?? []
        }
        // ASCII, but for the mark, which has three bytes in UTF-8.
        let units = summary.dialect.hasByteOrderMark ? length - 2 : length
        let data = Array(try file.read(upToCount: 2 * units) ?? Data())
        let isBigEndian = summary.encoding == .utf16BigEndian
        let text = stride(from: 0, to: data.count - 1, by: 2).map { place in
            UInt16(data[place]) << (isBigEndian ? 8 : 0) | UInt16(data[place + 1]) << (isBigEndian ? 0 : 8)
        }
        return Array(String(decoding: text, as: UTF16.self).utf8)
    }

    /// The reader hands out no bytes of a row beyond its bound.
    private func copy(_ record: CSVRecord, _ take: (Piece, RawSpan) throws -> Void) throws {
        guard summary.encoding == .utf8 else { return }
        let file = try open()
        defer { try? file.close() }
        try file.seek(toOffset: UInt64(record.byteOffset))
        var left = record.byteCount
        while left > 0 {
            guard let data = try file.read(upToCount: min(left, Self.block)), !data.isEmpty else {
                throw FileStoreError.failed(detail: "\(path) was read differently the second time")
            }
            left -= data.count
            try take(Piece(kind: .broken, row: record.number, isLast: left == 0), data.bytes)
        }
    }

    private func open() throws -> FileHandle {
        guard let file = FileHandle(forReadingAtPath: path) else {
            throw FileStoreError.failed(detail: "\(path) cannot be opened")
        }
        return file
    }
}
