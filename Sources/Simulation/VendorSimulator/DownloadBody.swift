import CausewayCore
import Hummingbird
import NIOCore

/// The bytes of a download, block by block as the client takes them, with what goes wrong on the way.
struct DownloadBody: Sendable {
    let file: DownloadFile
    let range: Range<Int>
    let fault: Fault?
    let account: Account
    let context: SimulatorContext

    private static let blockSize = 1 << 16

    var body: ResponseBody {
        ResponseBody(contentLength: range.count) { writer in
            let breakPoint = range.lowerBound + (fault?.afterBytes ?? range.count / 2)
            var offset = range.lowerBound
            var hasStalled = false
            while offset < range.upperBound {
                var limit = min(Self.blockSize, range.upperBound - offset)
                switch fault?.kind {
                case .truncatedDownload, .cutAnswer:
                    if offset >= breakPoint { throw await context.hangUpAfterWriting() }
                    limit = min(limit, breakPoint - offset)
                case .stalledDownload where !hasStalled:
                    if offset >= breakPoint {
                        hasStalled = true
                        try await account.time.sleep(for: fault?.delay ?? .zero)
                    } else {
                        limit = min(limit, breakPoint - offset)
                    }
                case .slowDownload: try await account.time.sleep(for: fault?.delay ?? .zero)
                default: break
                }
                let block = file.bytes(from: offset, atMost: limit)
                try await writer.write(ByteBuffer(bytes: block))
                offset += block.count
            }
            try await writer.finish(nil)
        }
    }
}
