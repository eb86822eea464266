import CausewayCore
import Storage
import Support
import Testing

@testable import Imports

@Suite("An import in chunks", .onEveryEngine)
struct ChunkTests {
    private static let five = (1...5).map { "c\($0)@example.com,\"N\n\($0)\"\r\n" }
    private static let header = "email,name\r\n"

    @Test("goes out in order, the header before each, and is told once")
    func inOrder() async throws {
        try await ImportWorld.with {
            $0.chunkRows = 2
        } _: { world async throws in
            let csv = Self.header + Self.five.joined()
            let ended = try await world.working { try await world.ended(try await world.upload(csv)) }
            #expect(ended.state == .completed)
            #expect(ended.chunks.map(\.rows) == [2, 2, 1])
            #expect(ended.chunks.allSatisfy { $0.state == .forwarded && $0.attempts == 1 })
            #expect(ended.json["rows"]?["forwarded"] == 5)
            #expect(ended.json["chunk_counts"] == ["total": 3, "forwarded": 3, "rows_each": 2])
            let arrived = try await world.arrived()
            #expect(
                arrived.map { $0["filename"]?.string } == (1...3).map { "customers-\($0)-of-3.csv" })
            let pieces = [Self.five[0] + Self.five[1], Self.five[2] + Self.five[3], Self.five[4]]
            for (file, piece) in zip(arrived, pieces) {
                #expect(try await world.bytes(of: file) == Self.header + piece)
            }
            #expect(try await world.events() == ["import.completed"])
            #expect(try world.fileNames() == [])
        }
    }

    @Test("that is one goes out as it came, with lines that are no rows", arguments: [2, 3])
    func one(rows: Int) async throws {
        try await ImportWorld.with {
            $0.chunkRows = rows
        } _: { world async throws in
            let csv = "email\r\n\na@example.com\n\r\nb@example.com"
            let ended = try await world.working { try await world.ended(try await world.upload(csv)) }
            #expect(ended.state == .completed && ended.chunks.count == 1)
            let arrived = try await world.arrived()
            #expect(try await world.bytes(of: arrived.first) == csv)
            #expect(arrived.first?["filename"] == "customers.csv")
        }
    }

    @Test("holds no refused row, whatever lies between")
    func validRows() async throws {
        try await ImportWorld.with {
            $0.chunkRows = 2
        } _: { world async throws in
            let csv = "x@,\r\n" + Self.five[0] + "y@,\r\n" + Self.five[1] + Self.five[2] + "z@,\r\n"
            let ended = try await world.working {
                try await world.ended(try await world.upload(Self.header + csv) { $0.mode = .validRows })
            }
            #expect(ended.json["rows"] == ["total": 6, "valid": 3, "invalid": 3, "forwarded": 3, "unprocessed": 0])
            #expect(ended.json["normalized"] == false)
            let arrived = try await world.arrived()
            #expect(try await world.bytes(of: arrived.first) == Self.header + Self.five[0] + Self.five[1])
            #expect(try await world.bytes(of: arrived.last) == Self.header + Self.five[2])
        }
    }

    @Test(
        "is rewritten where the importer could not read it as it came",
        arguments: [
            "\u{FEFF}email,name\na@example.com,A\nb@example.com,B\n", "email;name\na@example.com;A\nb@example.com;B\n",
            "email,name\ra@example.com,A\rb@example.com,B\r", "EMAIL, Name\na@example.com,A\nb@example.com,B",
        ])
    func normalized(csv: String) async throws {
        try await ImportWorld.with {
            $0.chunkRows = 1
        } _: { world async throws in
            let ended = try await world.working { try await world.ended(try await world.upload(csv)) }
            #expect(ended.state == .completed)
            let arrived = try await world.arrived()
            #expect(try await world.bytes(of: arrived.first) == "email,name\na@example.com,A\n")
            #expect(try await world.bytes(of: arrived.last) == "email,name\nb@example.com,B\n")
        }
    }

    @Test("whose second answer was lost waits there; what a person says decides whether it goes on or again")
    func lost() async throws {
        try await ImportWorld.with {
            $0.chunkRows = 2
        } _: { world async throws in
            try await world.working {
                let operations = world.domain.operations
                try await world.fault("drop_answer", ["skip": 1])
                let new = try await world.upload(Self.header + Self.five.joined())
                let stuck = try await world.ended(new)
                #expect(stuck.state == .needsAttention)
                #expect(stuck.chunks.map(\.state) == [.forwarded, .unknown, .pending])
                #expect(stuck.forwardedRows == 2)
                await #expect(throws: ImportOperationError.self) {
                    try await operations.resolve(new.id, chunk: 1, as: .imported)
                }
                await #expect(throws: ImportOperationError.self) {
                    try await operations.resolve(new.id, chunk: 4, as: .imported)
                }
                #expect(try await world.arrived().count == 2)
                try await world.fault("close_in_body")
                let resolved = try await operations.resolve(new.id, chunk: 2, as: .imported)
                #expect(resolved.state == .forwarding && resolved.forwardedRows == 4)
                #expect(try await world.ended(new).chunks.map(\.state) == [.forwarded, .resolved, .unknown])
                let failed = try await operations.resolve(new.id, chunk: 3, as: .notImported)
                #expect(failed.state == .failed && failed.forwardedRows == 4)
                _ = try await operations.retry(new.id)
                #expect(try await world.ended(new).state == .completed)
                let arrived = try await world.arrived()
                #expect(arrived.map { $0["rows"] } == [2, 2, 1] && arrived.allSatisfy { $0["repeated"] == 0 })
                #expect(
                    try await world.events() == [
                        "import.needs_attention", "import.needs_attention", "import.failed", "import.completed",
                    ])
            }
        }
    }

    @Test("of which the vendor does not take one now waits with the rest, and says how far it is")
    func busy() async throws {
        try await ImportWorld.with {
            $0.chunkRows = 2
        } _: { world async throws in
            try await world.working {
                try await world.fault("rate_limited", ["skip": 1, "retry_after": 30])
                let new = try await world.upload(Self.header + Self.five.joined())
                let waiting = try await world.until(new.id) { $0.error != nil }
                #expect(waiting.state == .forwarding && waiting.error?.code == "vendor_busy")
                #expect(waiting.chunks.map(\.state) == [.forwarded, .pending, .pending])
                #expect(waiting.json["rows"]?["forwarded"] == 2)
                world.time.advance(by: .seconds(31))
                #expect(try await world.ended(new).state == .completed)
            }
            #expect(try await world.arrived().map { $0["rows"] } == [2, 2, 1])
            #expect(try await world.events() == ["import.completed"])
        }
    }

    @Test("cancelled while one is on its way stops behind it, and says what went")
    func cancelled() async throws {
        try await ImportWorld.with {
            $0.chunkRows = 2
        } _: { world async throws in
            try await world.working {
                try await world.fault("delay", ["skip": 1, "delay_ms": 2000])
                let new = try await world.upload(Self.header + Self.five.joined())
                _ = try await world.until(new.id) { $0.takenChunks == 1 && $0.currentChunk?.state == .sending }
                let asked = try await world.domain.operations.cancel(new.id)
                #expect(asked.state == .forwarding && asked.cancelRequestedAt != nil)
                await #expect(throws: ImportOperationError.self) { try await world.domain.operations.retry(new.id) }
                let ended = try await world.ended(new)
                #expect(ended.state == .cancelled && ended.endedAt != nil)
                #expect(ended.chunks.map(\.state) == [.forwarded, .forwarded, .pending])
                #expect(ended.json["rows"]?["forwarded"] == 4 && ended.json["rows"]?["unprocessed"] == 1)
            }
            #expect(try world.fileNames() == [])
            #expect(try await world.arrived().count == 2)
            #expect(try await world.events() == [])
        }
    }

    @Test("of many pieces shows those around the one whose turn it is; all can be listed")
    func many() async throws {
        try await ImportWorld.with {
            $0.chunkRows = 1
        } _: { world async throws in
            let csv = "email\n" + (1...1100).map { "c\($0)@example.com\n" }.joined()
            let new = try await world.upload(csv)
            #expect(new.chunks.map(\.number) == Array(1...50))
            try await world.working { _ = try await world.until(new.id) { $0.takenChunks >= 60 } }
            let found = try await world.domain.operations.find(new.id)
            #expect(found.chunks.count == 50 && found.chunks.contains { $0.number == found.takenChunks + 1 })
            let operations = world.domain.operations
            var page = try await operations.chunks(of: new.id, PageRequest(limit: 200))
            #expect(page.elements.count { $0.state == .forwarded } == found.takenChunks)
            var count = page.elements.count
            while let next = page.next {
                page = try await operations.chunks(of: new.id, PageRequest(limit: 200, after: next))
                count += page.elements.count
            }
            #expect(count == 1100)
            let extents = try await world.database.engine.read { transaction in
                try [1, 500, 501, 1100].map { try ImportStore().extent(of: $0, new.id, in: transaction) }
            }
            let bytes = Array(csv.utf8)
            for (number, extent) in zip([1, 500, 501, 1100], extents) {
                let extent = try #require(extent)
                let row = bytes[Int(extent.bytes.lowerBound)..<Int(extent.bytes.upperBound)]
                #expect(String(decoding: row, as: UTF8.self) == "c\(number)@example.com\n")
                #expect(extent.headerLength == 6)
            }
        }
    }
}
