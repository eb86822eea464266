import CausewayCore
import HTTPTypes
import Hummingbird
import NIOCore

/// What download links lead to: a store that asks for no credentials, and must be told none.
struct FileRoutes {
    let account: Account

    func add(to router: Router<SimulatorContext>) {
        router.get("/files/{key}/{name}") { request, context in try await serve(request, context) }
        router.head("/files/{key}/{name}") { request, context in try await serve(request, context) }
    }

    private func serve(_ request: Request, _ context: SimulatorContext) async throws -> Response {
        let key = context.parameters.get("key") ?? ""
        let isResumed = request.headers[.range] != nil
        let (requestFault, fault) = account.change { state, _ in
            state.requests["files", default: 0] += 1
            if isResumed { state.requests["files.resumed", default: 0] += 1 }
            let first = state.strike(Fault.Kind.requests, route: "files")
            let second = first == nil ? state.strike(Fault.Kind.downloads, route: "files") : nil
            if let struck = first ?? second { state.tell("files: fault \(struck.kind.rawValue) strikes") }
            return (first, second)
        }
        if request.headers[.authorization] != nil {
            account.change { state, _ in
                state.credentialLeaks += 1
                state.tell("CREDENTIALS LEAKED: a download of \(key) came with an Authorization header")
            }
            return error(400, "InvalidArgument", "Only one form of authentication is allowed")
        }
        switch requestFault?.kind {
        case .dropAnswer, .closeBeforeBody, .closeInBody: throw await context.hangUp()
        case .status: return error(requestFault?.status ?? 500, "InternalError", "We encountered an internal error.")
        case .rateLimited: return error(429, "SlowDown", "Please reduce your request rate.")
        case .notJSON: return .text("<html><body><h1>It works!</h1></body></html>", type: "text/html")
        case .delay: try await account.time.sleep(for: requestFault?.delay ?? .zero)
        default: break
        }
        let resumption = account.change { state, _ -> Fault? in
            guard isResumed, let struck = state.strike(Fault.Kind.resumptions, route: "files") else { return nil }
            if struck.kind == .fileChanged { state.files[key]?.change() }
            state.tell("files: fault \(struck.kind.rawValue) strikes")
            return struck
        }
        let query = request.uri.queryParameters
        let (file, links, now) = account.change { state, now in (state.files[key], state.links, now) }
        guard let file, file.name == context.parameters.get("name") else {
            return error(404, "NoSuchKey", "The specified key does not exist.")
        }
        guard let expires = query["expires"].flatMap({ Int64($0) }),
            links.isSigned(file: key, expires: expires, signature: String(query["signature"] ?? ""))
        else {
            return error(403, "SignatureDoesNotMatch", "The request signature we calculated does not match.")
        }
        if fault?.kind == .linkExpired || min(expires, file.expiresAt.milliseconds) <= now.milliseconds {
            account.tell("download of \(file.name) refused: the link has expired")
            let status = account.read(\.options.expiredLinkStatus)
            return error(status, "ExpiredToken", "The provided token has expired.")
        }
        return send(
            file, resumption?.kind == .rangeIgnored ? nil : request.headers[.range], request, context,
            fault: fault ?? requestFault)
    }

    private func send(
        _ file: DownloadFile, _ wanted: String?, _ request: Request, _ context: SimulatorContext, fault: Fault?
    ) -> Response {
        var headers: HTTPFields = [
            .contentType: file.contentType, .acceptRanges: "bytes", .eTag: file.tag,
            .contentDisposition: "attachment; filename=\"\(file.name)\"",
        ]
        var range = 0..<file.size
        var status = HTTPResponse.Status.ok
        let condition = request.headers[.ifRange]
        if let wanted, condition == nil || condition == file.tag {
            switch ByteRange(wanted, size: file.size) {
            case .whole: break
            case .part(let part):
                range = part
                status = .partialContent
                headers[.contentRange] = "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(file.size)"
            case .outside:
                headers[.contentRange] = "bytes */\(file.size)"
                return Response(status: .rangeNotSatisfiable, headers: headers)
            }
        }
        headers[.contentLength] = String(range.count)
        guard request.method != .head else { return Response(status: status, headers: headers) }
        account.tell("download of \(file.name): \(range.count) bytes" + (range.lowerBound > 0 ? ", resumed" : ""))
        return Response(
            status: status, headers: headers,
            body: DownloadBody(file: file, range: range, fault: fault, account: account, context: context).body)
    }

    /// An error as the store behind the vendor's links tells it.
    private func error(_ status: Int, _ code: String, _ message: String) -> Response {
        let text =
            "<?xml version='1.0' encoding='UTF-8'?><Error><Code>\(code)</Code><Message>\(message)</Message></Error>"
        return .text(text, status: status, type: "application/xml; charset=UTF-8")
    }
}

/// One range of `Range: bytes=…` (RFC 9110, section 14); several are answered whole.
enum ByteRange: Equatable {
    case whole, outside
    case part(Range<Int>)

    init(_ header: String, size: Int) {
        let text = header.trimmed
        self = .whole
        guard text.hasPrefix("bytes="), !text.contains(",") else { return }
        let sides = text.dropFirst(6).split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard sides.count == 2 else { return }
        switch (Int(sides[0]), Int(sides[1])) {
        case (nil, let count?) where sides[0].isEmpty:
            self = count == 0 || size == 0 ? .outside : .part(max(0, size - count)..<size)
        case (let first?, let last) where sides[1].isEmpty || last != nil:
            if let last, last < first { return }
            self = first >= size ? .outside : .part(first..<min(size, (last ?? size - 1) + 1))
        default: break
        }
    }
}
