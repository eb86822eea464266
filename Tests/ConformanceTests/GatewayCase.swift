import Logging
import Storage
import Support
import Testing

@testable import CausewayServer

extension StoreCase {
    /// What the gateway itself asks of the store.
    static let gateway = StoreCase(name: "Gateway") { engine async throws in
        #expect(try await engine.read { try $0.row("SELECT 1 AS one")?["one"] as Int? } == 1)
        let place = try TemporaryDirectory()
        for _ in 1...2 {
            try await DirectoryIdentity(
                directory: DataDirectory(place.path), engine: engine, logger: Logger(label: "test")
            ).check()
        }
    }
}
