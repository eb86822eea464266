import Dispatch
import Support

/// On the way to the vendor: one request is held and never gets there.
final class RequestGate: Sendable {
    static let trigger = "POST /api/v2/vendor_report_export/"

    private let seen = Watched(0)
    private let letGo = DispatchSemaphore(value: 0)
    private let beginning: String
    private let passed: Int

    /// - Parameters:
    ///   - beginning: of the requests that count.
    ///   - passed: how many of them pass before the one that is held.
    init(_ beginning: String, after passed: Int = 0) {
        self.beginning = beginning
        self.passed = passed
    }

    /// For the connections to the vendor.
    var filter: @Sendable () -> LoopbackProxy.Filter {
        { [self] in
            { side, bytes in
                guard side == .client, self.isMeant(bytes) else { return .pass }
                let number = self.seen.change { seen in
                    seen += 1
                    return seen
                }
                guard number == self.passed + 1 else { return .pass }
                self.letGo.wait()
                return .cut
            }
        }
    }

    func reached() async throws {
        try await seen.first("a request on its way", within: .seconds(60)) { [passed] in $0 > passed ? () : nil }
    }

    func end() { letGo.signal() }

    private func isMeant(_ bytes: [UInt8]) -> Bool {
        String(decoding: bytes.prefix(64), as: UTF8.self).hasPrefix(beginning)
    }
}
