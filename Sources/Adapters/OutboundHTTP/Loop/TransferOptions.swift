import CCurl
import CausewayCore
import HTTPTypes

extension Transfer {
    /// Sets everything the request and the client ask for; throws where something in it cannot be sent.
    func configure(for request: OutboundRequest, client: OutboundHTTPClient.Configuration) throws(OutboundError) {
        handle.set(CURLOPT_URL, try Self.text(request.url, "URL"))
        handle.set(CURLOPT_PROTOCOLS_STR, "http,https")
        handle.set(CURLOPT_PATH_AS_IS, 1)
        // Without signals: this is not the program's only thread.
        handle.set(CURLOPT_NOSIGNAL, 1)
        // Otherwise ending a transfer waits for its name to be resolved, and the whole loop with it.
        handle.set(CURLOPT_QUICK_EXIT, 1)
        // Set in any case: left alone, libcurl takes proxies from the environment.
        handle.set(CURLOPT_PROXY, try Self.text(client.proxy ?? "", "proxy"))
        handle.set(CURLOPT_NOPROXY, "")
        if let destination {
            handle.connect(to: destination.line)
            handle.set(CURLOPT_HTTPPROXYTUNNEL, 1)
        }
        handle.set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        handle.set(CURLOPT_USERAGENT, try Self.text(client.userAgent, "user agent"))
        if let file = client.caFile { handle.set(CURLOPT_CAINFO, try Self.text(file, "CA file")) }
        handle.set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        handle.set(
            CURLOPT_HTTP_VERSION, client.http2 && isShort(request) ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1)
        handle.set(CURLOPT_TCP_KEEPALIVE, 1)
        // 0 would mean libcurl's own 300 s, and no limit.
        handle.set(CURLOPT_CONNECTTIMEOUT_MS, max(1, Int((request.timeouts.connect - spent).wholeMilliseconds)))
        if let total = request.timeouts.total {
            handle.set(CURLOPT_TIMEOUT_MS, max(1, Int((total - spent).wholeMilliseconds)))
        }
        if request.connection == .fresh {
            handle.set(CURLOPT_FRESH_CONNECT, 1)
            handle.set(CURLOPT_FORBID_REUSE, 1)
        }
        if redirects > 0 {
            handle.set(CURLOPT_FOLLOWLOCATION, 1)
            handle.set(CURLOPT_MAXREDIRS, redirects)
            handle.set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https")
        }
        if let credentials = request.credentials {
            handle.set(CURLOPT_HTTPAUTH, causeway_auth_basic)
            handle.set(CURLOPT_USERNAME, try Self.text(credentials.user.reveal(), "user"))
            handle.set(CURLOPT_PASSWORD, try Self.text(credentials.password.reveal(), "password"))
        }
        switch sink {
        case .stream: handle.set(CURLOPT_BUFFERSIZE, 128 << 10)
        // As much as is wanted: with a thousand under way the buffers are what takes memory.
        case .collect(.beginning(let limit)): handle.set(CURLOPT_BUFFERSIZE, min(max(limit, 4 << 10), 16 << 10))
        case .collect: break
        }
        let implied = setMethodAndBody(request)
        try setHeaders(request.headers, implied: implied)
        installCallbacks()
        handle.useHeadersAndErrorText()
        guard handle.refusal == CURLE_OK else {
            let kind: OutboundError.Kind = handle.refusal == CURLE_OUT_OF_MEMORY ? .failed : .invalidRequest
            throw OutboundError(kind, words: CurlLibrary.words(handle.refusal))
        }
    }

    /// Only short exchanges go over HTTP/2. libcurl 7.88 turns in circles at full speed while a peer's window is shut,
    /// never ends an upload that is answered early, and holds up a whole connection while one reader pauses; over
    /// HTTP/1.1 a long body has its own connection and TCP's back pressure.
    private func isShort(_ request: OutboundRequest) -> Bool {
        guard case .collect = sink else { return false }
        switch request.body.content {
        case .none: return true
        case .segments(let segments, _):
            guard segments.count == 1, case .bytes(let bytes) = segments[0] else { return false }
            return bytes.count <= Self.shortBody
        case .stream: return false
        }
    }

    /// In bytes: well within the 64 KiB that a peer takes at once (RFC 9113 section 6.9.2).
    private static let shortBody = 16 << 10

    /// Gives the header lines that follow from the body.
    private func setMethodAndBody(_ request: OutboundRequest) -> [(HTTPField.Name, String)] {
        let method = request.method
        var implied: [(HTTPField.Name, String)] = []
        switch request.body.content {
        case .none:
            switch method {
            case .get: handle.set(CURLOPT_HTTPGET, 1)
            case .head: handle.set(CURLOPT_NOBODY, 1)
            case .post, .put, .patch:
                handle.set(CURLOPT_POST, 1)
                handle.setBody(copying: [])
                if method != .post { handle.set(CURLOPT_CUSTOMREQUEST, method.rawValue) }
            default: handle.set(CURLOPT_CUSTOMREQUEST, method.rawValue)
            }
        case .segments(let segments, let contentType):
            if let contentType { implied.append((.contentType, contentType)) }
            handle.set(CURLOPT_POST, 1)
            if method != .post { handle.set(CURLOPT_CUSTOMREQUEST, method.rawValue) }
            if case .segments(let reader) = source {
                handle.set(CURLOPT_POSTFIELDSIZE_LARGE, offset: reader.length)
            } else if case .bytes(let bytes)? = segments.first {
                handle.setBody(copying: bytes)
            }
        case .stream(let length, _):
            handle.set(CURLOPT_POST, 1)
            if method != .post { handle.set(CURLOPT_CUSTOMREQUEST, method.rawValue) }
            if let length {
                handle.set(CURLOPT_POSTFIELDSIZE_LARGE, offset: length)
            } else {
                implied.append((.transferEncoding, "chunked"))
            }
        }
        return implied
    }

    private func setHeaders(_ fields: HTTPFields, implied: [(HTTPField.Name, String)]) throws(OutboundError) {
        for field in fields where field.name != .contentLength && field.name != .transferEncoding {
            if implied.contains(where: { $0.0 == field.name }) { continue }
            let value = try Self.text(field.value, "header \(field.name)")
            // libcurl's spelling of a header without a value.
            handle.addHeader(value.isEmpty ? "\(field.name);" : "\(field.name): \(value)")
        }
        for (name, value) in implied { handle.addHeader("\(name): \(value)") }
        // Taken away: libcurl would wait a second for an answer to it, and call every body a form.
        if fields[.expect] == nil { handle.addHeader("Expect:") }
        if fields[.contentType] == nil, !implied.contains(where: { $0.0 == .contentType }) {
            handle.addHeader("Content-Type:")
        }
    }

    /// C ends a text at its first NUL; ours must not end early.
    private static func text(_ text: String, _ what: String) throws(OutboundError) -> String {
        guard !text.utf8.contains(where: { $0 == 0 || $0 == 0x0a || $0 == 0x0d }) else {
            throw OutboundError(.invalidRequest, words: "the \(what) has a NUL or a line break in it")
        }
        return text
    }
}
