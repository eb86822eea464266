import Foundation
import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOPosix

/// Sends one POST over a connection of its own, and hears no more of the answer than its status.
///
/// No proxy, no redirects, no TLS: what it reaches stands on the same machine or network as the stand-in.
struct WebhookSender: Sendable {
    func post(_ body: [UInt8], to address: String, timeout: Duration) async -> WebhookOutcome {
        guard let url = URL(string: address), let host = url.host(), !host.isEmpty, let scheme = url.scheme else {
            return .broken("not a URL")
        }
        guard scheme.lowercased() == "http" else { return .broken("\(scheme) is not spoken by the simulator") }
        return await withTaskGroup(of: WebhookOutcome?.self) { group in
            group.addTask { await exchange(body, url: url, host: host, timeout: timeout) }
            group.addTask {
                try? await Task.sleep(for: timeout)
                return Task.isCancelled ? nil : .broken("no answer within \(timeout.formatted())")
            }
            defer { group.cancelAll() }
            for await outcome in group { if let outcome { return outcome } }
            return .broken("stopped")
        }
    }

    private func exchange(_ body: [UInt8], url: URL, host: String, timeout: Duration) async -> WebhookOutcome? {
        do {
            let connection = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(TimeAmount(timeout))
                .connect(host: host.filter { $0 != "[" && $0 != "]" }, port: url.port ?? 80) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHTTPClientHandlers()
                        return try NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>(
                            wrappingChannelSynchronously: channel)
                    }
                }
            return try await connection.executeThenClose { inbound, outbound in
                try await outbound.write(.head(head(url: url, host: host, length: body.count)))
                try await outbound.write(.body(.byteBuffer(ByteBuffer(bytes: body))))
                try await outbound.write(.end(nil))
                for try await part in inbound {
                    // 1xx is not the answer yet.
                    if case .head(let head) = part, head.status.code >= 200 {
                        return .answered(Int(head.status.code))
                    }
                }
                return Task.isCancelled ? nil : .broken("closed without an answer")
            }
        } catch {
            return Task.isCancelled ? nil : .broken("\(error)")
        }
    }

    private func head(url: URL, host: String, length: Int) -> HTTPRequestHead {
        let path = url.path(percentEncoded: true)
        let query = url.query(percentEncoded: true).map { "?\($0)" } ?? ""
        var head = HTTPRequestHead(version: .http1_1, method: .POST, uri: (path.isEmpty ? "/" : path) + query)
        head.headers = [
            "host": url.port.map { "\(host):\($0)" } ?? host, "content-type": "application/json",
            "content-length": String(length), "user-agent": "PartnerStack-Webhooks (simulator)", "accept": "*/*",
            "connection": "close",
        ]
        return head
    }
}
