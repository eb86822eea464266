import CausewayCore

/// What lies behind a download link: generated rows, or a zip of such.
struct DownloadFile: Sendable {
    enum Content: Sendable {
        case rows(GeneratedRows)
        case zip(ZipArchive)
    }

    let key: String
    let name: String
    private(set) var content: Content
    var expiresAt: Timestamp

    /// Changes with the bytes.
    private(set) var tag: String

    init(key: String, name: String, content: Content, expiresAt: Timestamp) {
        self.key = key
        self.name = name
        self.content = content
        self.expiresAt = expiresAt
        tag = Self.tag(key)
    }

    private static func tag(_ text: String) -> String { "\"\(Digest.sha256Hex(text).prefix(32))\"" }

    /// Other rows under the same key, and one more. An archive stays.
    mutating func change() {
        guard case .rows(let rows) = content else { return }
        content = .rows(
            GeneratedRows(
                columns: rows.columns, seed: rows.seed &+ 1, firstRow: rows.firstRow, rowCount: rows.rowCount + 1))
        tag = Self.tag(tag)
    }

    var size: Int {
        switch content {
        case .rows(let rows): rows.size
        case .zip(let archive): archive.size
        }
    }

    var contentType: String {
        if case .zip = content { "application/zip" } else { "text/csv" }
    }

    /// Bytes from `offset` on, at least one and not more than `limit`; none at the end.
    func bytes(from offset: Int, atMost limit: Int) -> ArraySlice<UInt8> {
        switch content {
        case .rows(let rows): rows.bytes(from: offset, atMost: limit)
        case .zip(let archive): archive.bytes(from: offset, atMost: limit)
        }
    }
}
