import CCurl
import HTTPTypes

/// An answer's status and headers, not yet read.
struct TransferHead: Sendable {
    let reader: HeadReader
    let version: OutboundResponseHead.HTTPVersion
    let remoteAddress: String?

    init(of transfer: Transfer) {
        reader = transfer.head
        version =
            switch transfer.handle.easy.number(CURLINFO_HTTP_VERSION) {
            case CURL_HTTP_VERSION_1_0: .http1_0
            case CURL_HTTP_VERSION_2_0: .http2
            case CURL_HTTP_VERSION_3: .http3
            default: .http1_1
            }
        remoteAddress = transfer.remoteAddress
    }

    func read() -> OutboundResponseHead {
        OutboundResponseHead(
            status: HTTPResponse.Status(code: reader.status), headers: reader.headers(), version: version,
            remoteAddress: remoteAddress)
    }
}
