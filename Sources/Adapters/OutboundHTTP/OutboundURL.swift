import CCurl

/// A URL that can be sent to, read by libcurl's own parser: what is checked here is what is connected to later.
public struct OutboundURL: Hashable, Sendable {
    /// `http` or `https`.
    public let scheme: String
    /// In lower case, without brackets; unusual spellings of IPv4 (`0x7f.1`) are made plain.
    public let host: String
    public let port: Int
    /// The host as it is looked up: international names in their ASCII form (RFC 5890).
    let asciiHost: String
    /// Whether a user or password stands in it.
    public let hasCredentials: Bool

    public init(_ text: String) throws(Mistake) {
        guard !text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) else {
            throw Mistake("a URL holds no control characters")
        }
        guard let url = unsafe curl_url() else { throw Mistake("no memory") }
        defer { unsafe curl_url_cleanup(url) }
        let code = unsafe curl_url_set(url, CURLUPART_URL, text, 0)
        guard code == CURLUE_OK else {
            throw Mistake(
                code == CURLUE_UNSUPPORTED_SCHEME || code == CURLUE_BAD_SCHEME
                    ? "a URL begins with http:// or https://" : unsafe String(cString: curl_url_strerror(code)))
        }
        func part(_ part: CURLUPart, _ flags: Int32 = 0) -> String? {
            var text: UnsafeMutablePointer<CChar>?
            guard unsafe curl_url_get(url, part, &text, UInt32(flags)) == CURLUE_OK, let text = unsafe text else {
                return nil
            }
            defer { unsafe curl_free(text) }
            return unsafe String(cString: text)
        }
        guard let scheme = part(CURLUPART_SCHEME), scheme == "http" || scheme == "https" else {
            throw Mistake("a URL begins with http:// or https://")
        }
        guard let host = part(CURLUPART_HOST), !host.isEmpty else { throw Mistake("the URL has no host") }
        self.scheme = scheme
        self.host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host.lowercased()
        asciiHost = part(CURLUPART_HOST, Int32(CURLU_PUNYCODE))?.lowercased() ?? self.host
        port = part(CURLUPART_PORT, CURLU_DEFAULT_PORT).flatMap(Int.init) ?? 0
        hasCredentials = part(CURLUPART_USER) != nil || part(CURLUPART_PASSWORD) != nil
    }

    /// The host, where it is an address and not a name.
    public var literalAddress: IPAddress? { IPAddress(host) }

    /// What is wrong, in words for people.
    public struct Mistake: Error, Hashable, Sendable, CustomStringConvertible {
        public let description: String
        init(_ words: String) { description = words }
    }
}
