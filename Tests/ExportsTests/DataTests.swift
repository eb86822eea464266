import CausewayCore
import Foundation
import Support
import Testing
import VendorSimulator

@testable import Exports

@Suite("All parts as one, from the vendor", .onEveryEngine)
struct DataTests {
    private static func options() -> SimulatorOptions {
        var options = SimulatorOptions.quick
        options.files = 3
        return options
    }

    @Test("Before the mirror is there the parts are passed through, each opened when its turn comes")
    func passedThrough() async throws {
        try await ExportWorld.with(Self.options()) { world in
            let id = try await world.request().export.id
            let export = try await world.settled(id, .success)
            let data = try await world.domain.files.data(id.text, format: .csv, columns: nil)
            #expect(data.fingerprint == nil)
            let whole = try await Self.text(data.chunks())
            var expected = ""
            for file in export.files {
                let text = try await Self.text(try await world.domain.files.open(id.text, file.name).chunks())
                let lines = text.split(separator: "\n", maxSplits: 1)
                expected += expected.isEmpty ? text : String(lines[1])
            }
            #expect(whole == expected && whole.count > 100)
            #expect(export.files.count == 3)
            let picked = try await world.domain.files.data(id.text, format: .ndjson, columns: data.columns[1])
            let rows = try await Self.text(picked.chunks()).split(separator: "\n")
            #expect(rows.count == whole.split(separator: "\n").count - 1)
        }
    }

    private static func text(_ chunks: some AsyncSequence<[UInt8], any Error>) async throws -> String {
        var bytes: [UInt8] = []
        for try await chunk in chunks { bytes += chunk }
        return String(decoding: bytes, as: UTF8.self)
    }
}
