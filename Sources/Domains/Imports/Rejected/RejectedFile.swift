import FileStore

/// The refused rows of an import, kept beside its upload for `rejected.csv`: the upload itself need not be kept for
/// that, nor the rules that it was checked by.
///
/// A private form: each piece is preceded by 16 bytes (the row's number, how many bytes follow, its kind, whether it is
/// the row's last).
enum RejectedFile {
    static let headBytes = 16

    /// Whole when it returns. Throws `FileStoreError`; nothing is left then.
    static func write(_ rows: RejectedRows, as name: String, in files: LocalFileStore) throws {
        var writer = try files.create(name)
        var pending: [UInt8] = []
        try rows.read { piece, bytes in
            append(piece, bytes, to: &pending)
            if pending.count >= 1 << 20 {
                try writer.write(pending)
                pending.removeAll(keepingCapacity: true)
            }
        }
        try writer.write(pending)
        try writer.finish()
    }

    private static func append(_ piece: RejectedRows.Piece, _ bytes: RawSpan, to pending: inout [UInt8]) {
        append(UInt64(piece.row), to: &pending)
        append(UInt32(bytes.byteCount), to: &pending)
        append(piece.kind.rawValue << 1 | (piece.isLast ? 1 : 0), to: &pending)
        unsafe bytes.withUnsafeBytes { unsafe pending.append(contentsOf: $0) }
    }

    private static func append(_ number: some FixedWidthInteger, to bytes: inout [UInt8]) {
        for shift in stride(from: 0, to: number.bitWidth, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: number >> shift))
        }
    }

    /// The next piece of `bytes` and where its bytes lie; nil where more bytes are needed. Throws `FileStoreError`.
    static func piece(in bytes: ArraySlice<UInt8>) throws -> (RejectedRows.Piece, Range<Int>)? {
        guard bytes.count >= headBytes else { return nil }
        let start = bytes.startIndex
        let count = Int(number(bytes[start + 8..<start + 12]))
        let flags = UInt32(number(bytes[start + 12..<start + 16]))
        guard let kind = RejectedRows.Piece.Kind(rawValue: flags >> 1) else {
            throw FileStoreError.failed(detail: "a file of refused rows is damaged")
        }
        guard bytes.count >= headBytes + count else { return nil }
        let row = Int(number(bytes[start..<start + 8]))
        let content = start + headBytes..<start + headBytes + count
        return (RejectedRows.Piece(kind: kind, row: row, isLast: flags & 1 == 1), content)
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
