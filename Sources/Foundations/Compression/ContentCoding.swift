/// What a body may be packed with (RFC 9110, 8.4.1).
public enum ContentCoding: String, Sendable, CaseIterable, Codable {
    /// RFC 1952, one member or several.
    case gzip
    /// RFC 8878, one frame or several.
    case zstd

    /// By its name in `Content-Encoding`, whatever its case.
    public init?(name: some StringProtocol) {
        switch name.lowercased() {
        case "gzip", "x-gzip": self = .gzip
        case "zstd": self = .zstd
        default: return nil
        }
    }
}

/// Why packed bytes cannot be unpacked, or may not be.
public enum ContentDecodingError: Error, Equatable {
    /// With the library's own words.
    case damaged(String)
    /// They end in the middle.
    case truncated
    /// More comes out for what goes in than any file of rows gives.
    case ratio
    /// zstd: a window of more than 8 MiB, which nobody needs to offer (RFC 9659).
    case window
}
