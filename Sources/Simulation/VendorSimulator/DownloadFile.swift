import CausewayCore

/// What lies behind a download link: generated rows, or a zip of such.
struct DownloadFile: Sendable {
    enum Content: Sendable {
        case rows(GeneratedRows)
        case zip(ZipArchive)
    }

    let key: String
    let name: String
    let content: Content
    var expiresAt: Timestamp

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
