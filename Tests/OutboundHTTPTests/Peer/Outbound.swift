import CausewayCore
import Foundation
import HTTPTypes
import Logging
import OutboundHTTP
import Support
import Testing

/// A running loop and a client for one test.
func withClient<Result>(
    loop configuration: CurlMultiLoop.Configuration = .init(),
    _ client: OutboundHTTPClient.Configuration = .init(userAgent: "causeway-tests"),
    _ body: (OutboundHTTPClient) async throws -> Result
) async throws -> Result {
    let loop = CurlMultiLoop(configuration: configuration, logger: Logger(label: "tests"))
    try loop.start()
    let result: Swift.Result<Result, any Error>
    do {
        result = .success(try await body(OutboundHTTPClient(loop: loop, configuration: client)))
    } catch {
        result = .failure(error)
    }
    await loop.stop()
    return try result.get()
}

extension OutboundHTTPClient {
    /// The error that a request must end with.
    func failure(of request: OutboundRequest, _ place: SourceLocation = #_sourceLocation) async -> OutboundError? {
        do {
            let response = try await send(request)
            Issue.record("answered with \(response.status) instead of failing", sourceLocation: place)
            return nil
        } catch {
            return error
        }
    }
}

/// The tests' peers are on loopback, which is not public.
func local(
    _ method: HTTPRequest.Method = .get, _ url: String, body: OutboundBody = .none,
    timeouts: OutboundRequest.Timeouts = .init(total: patience),
    connection: OutboundRequest.ConnectionUse = .reusable
) -> OutboundRequest {
    OutboundRequest(
        method, url, body: body, timeouts: timeouts, connection: connection, egress: .unrestricted)
}

/// The most memory this process has had so far, in bytes.
func peakMemory() -> Int {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    return (line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0) << 10
}

/// A file of its own that is removed with it.
final class TemporaryFile: Sendable {
    let path = NSTemporaryDirectory() + "causeway-" + UUID().uuidString

    /// `count` bytes of the pattern.
    init(bytes count: Int = 0) {
        guard count > 0 else { return }
        _ = FileManager.default.createFile(atPath: path, contents: nil)
        guard let file = FileHandle(forWritingAtPath: path) else { return }
        var pattern = Pattern()
        var left = count
        while left > 0 {
            let piece = pattern.next(min(left, 1 << 20))
            file.write(Data(piece))
            left -= piece.count
        }
        try? file.close()
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
