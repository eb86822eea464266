import CausewayCore
import Storage
import Support
import Testing

@testable import Exports

@Suite("An export shown again and again", .onEveryEngine)
struct ShownExportTests {
    @Test("is the text of its last revision, by either name, and follows each change at once")
    func follows() async throws {
        try await ExportWorld.with(works: false) { world in
            let operations = world.domain.operations
            let id = try await world.request().export.id
            let first = try await operations.shown(id.text)
            #expect(first == RenderedJSON(operations.resource(of: try await operations.export(id.text))))
            #expect(try await operations.shown(id.text) == first)

            for number in 2...20 {
                _ = try await world.request()
                let shown = try await operations.shown(id.text)
                #expect(try JSONValue(parsing: shown.text)["requests"] == .integer(Int64(number)))
                #expect(shown.digest != first.digest)
            }
            try await world.engine.write { transaction in
                let store = ExportStore()
                var export = try #require(try store.export(id, toChange: true, in: transaction))
                export.vendorKey = "vrex_1"
                try store.update(export, in: transaction)
            }
            let byVendor = try await operations.shown("vrex_1")
            #expect(byVendor == (try await operations.shown(id.text)) && byVendor.text.contains("vrex_1"))
            await #expect(throws: ExportOperationError.self) { try await operations.shown("vrex_2") }
        }
    }

    @Test("What nobody asks for makes room for what is asked for")
    func bounded() {
        let texts = RenderedExports()
        let ids = (0..<40).map { ExportID(at: Timestamp(milliseconds: 1_700_000_000_000 + $0)) }
        let text = RenderedJSON(.string(String(repeating: "x", count: 1 << 20)))
        for id in ids {
            texts.keep(text, of: id, revision: 1)
            #expect(texts.text(of: ids[0], revision: 1) == text)
        }
        #expect(ids.count { texts.text(of: $0, revision: 1) != nil } < 20)
        #expect(texts.text(of: ids[0], revision: 2) == nil)
    }
}
