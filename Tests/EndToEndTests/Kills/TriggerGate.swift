import Dispatch
import Support

/// On the way to the vendor: the first trigger is held and never gets there.
final class TriggerGate: Sendable {
    private let isReached = Watched(false)
    private let letGo = DispatchSemaphore(value: 0)

    /// For the connections to the vendor.
    var filter: @Sendable () -> LoopbackProxy.Filter {
        { [self] in
            { side, bytes in
                guard side == .client, Self.isTrigger(bytes) else { return .pass }
                let isFirst = self.isReached.change { isReached in
                    defer { isReached = true }
                    return !isReached
                }
                guard isFirst else { return .pass }
                self.letGo.wait()
                return .cut
            }
        }
    }

    func reached() async throws {
        try await isReached.first("a trigger on its way", within: .seconds(60)) { $0 ? () : nil }
    }

    func end() { letGo.signal() }

    private static func isTrigger(_ bytes: [UInt8]) -> Bool {
        String(decoding: bytes.prefix(64), as: UTF8.self).hasPrefix("POST /api/v2/vendor_report_export/")
    }
}
