import CausewayCore
import Foundation
import Testing

@testable import VendorSimulator

/// The guide's step 3.
@Suite struct DownloadTests {
    @Test("A link gives the CSV without credentials; the same link gives the same bytes")
    func download() async throws {
        try await World.with(.quick { $0.fileRows = 5000 }) { world async throws in
            let url = try await world.finished().link()
            let file = try await world.open(url)
            #expect(file.status == 200)
            #expect(file.headers.lowercased().contains("content-type: text/csv"))
            #expect(file.text.hasPrefix("partner_key,partner_team_name,"))
            var csv = StrictCSV(Array(file.body))
            var rows = 0
            while let row = try csv.next() {
                #expect(row.cells.count == 9)
                rows += 1
            }
            #expect(rows == 5001)
            #expect(try await world.open(url).body == file.body)
        }
    }

    @Test("A part can be had with Range, and the parts make the whole")
    func ranges() async throws {
        try await World.with { world async throws in
            let url = try await world.finished().link()
            let whole = try await world.open(url).body
            let head = try await world.open(url, "-r", "0-99")
            #expect(head.status == 206)
            #expect(head.headers.lowercased().contains("content-range: bytes 0-99/\(whole.count)"))
            let tail = try await world.open(url, "-r", "100-")
            #expect(head.body + tail.body == whole)
            #expect(try await world.open(url, "-r", "-7").body == whole.suffix(7))
            #expect(try await world.open(url, "-r", "\(whole.count)-").status == 416)
            #expect(try await world.open(url, "-r", "0-9", "-H", "If-Range: \"other\"").body == whole)
        }
    }

    @Test("Several files come with a zip that holds the same bytes")
    func zip() async throws {
        try await World.with(.quick { $0.files = 3 }) { world async throws in
            let entity = try await world.finished()
            let names = entity["files"]?.array?.compactMap { $0["name"]?.string } ?? []
            #expect(names.map { $0.suffix(17) } == ["-000000000000.csv", "-000000000001.csv", "-000000000002.csv"])
            #expect(entity["zip_file_key"] == entity["zip_file"]?["key"])
            var expected = Data()
            for file in entity["files"]?.array ?? [] {
                let bytes = try await world.open(file["url"]?.string ?? "").body
                let name = Data((file["name"]?.string ?? "").utf8)
                expected += Data([0x50, 0x4B, 3, 4]) + name + bytes
            }
            let zip = try await world.open(entity["zip_file"]?["url"]?.string ?? "")
            #expect(zip.headers.lowercased().contains("content-type: application/zip"))
            // Without the 26 bytes between signature and name, an archive begins with what was expected.
            var stored = Data()
            var rest = zip.body
            while rest.starts(with: [0x50, 0x4B, 3, 4]) {
                let bytes = [UInt8](rest)
                let size = (0..<4).reduce(0) { $0 | Int(bytes[18 + $1]) << (8 * $1) }
                let nameLength = Int(bytes[26]) | Int(bytes[27]) << 8
                stored += rest.prefix(4) + rest.dropFirst(30).prefix(nameLength + size)
                rest = rest.dropFirst(30 + nameLength + size)
            }
            #expect(stored == expected)
            #expect(rest.starts(with: [0x50, 0x4B, 1, 2]))
            #expect(rest.suffix(22).starts(with: [0x50, 0x4B, 5, 6]))
        }
    }

    @Test("The checksum is that of zip files")
    func checksum() {
        let column = ReportColumn("clicks")
        let rows = GeneratedRows(columns: [column], seed: 1, firstRow: 0, rowCount: 0)
        // "clicks\n"
        #expect(CRC32.of(rows) == 0x45F0_EC1C)
    }

    @Test("A dead link, a changed signature and an unknown file are 403, 403 and 404, in the store's XML")
    func deadLinks() async throws {
        let time = ManualTime()
        try await World.with(.quick { $0.hold = true }, time: time) { world async throws in
            let key = try await world.trigger().data?["key"]?.string ?? ""
            let entity = try await world.open("/simulator/exports/\(key)/complete", "-X", "POST").json
            let url = entity.link()
            #expect(try await world.open(url + "0").status == 403)
            #expect(try await world.open(url.replacing("/file_", with: "/file_x")).status == 404)
            time.advance(by: .seconds(172_800))
            let dead = try await world.open(url)
            #expect(dead.status == 403)
            #expect(dead.text.contains("<Code>ExpiredToken</Code>"))
        }
    }

    @Test("Credentials sent to a link are refused, told and counted: they have leaked")
    func leak() async throws {
        try await World.with { world async throws in
            let url = try await world.finished().link()
            #expect(try await world.open(url, "-u", "pk_test:sk_test").status == 400)
            #expect(try await world.state()["credential_leaks"] == 1)
            #expect(try await world.open("/simulator/story").text.contains("CREDENTIALS LEAKED"))
        }
    }

    @Test("Any range of a generated file is that range of the whole")
    func randomAccess() {
        let rows = GeneratedRows(columns: ReportColumns.of(.customer), seed: 7, firstRow: 3, rowCount: 40)
        let whole =
            Array(rows.bytes(from: 0, atMost: rows.header.count))
            + Array(rows.bytes(from: rows.header.count, atMost: 1 << 20))
        #expect(whole.count == rows.size)
        for offset in stride(from: 0, to: rows.size, by: 37) {
            let part = rows.bytes(from: offset, atMost: 250)
            #expect(!part.isEmpty && part.count <= 250)
            #expect(Array(part) == Array(whole[offset..<offset + part.count]))
        }
        #expect(rows.bytes(from: rows.size, atMost: 1).isEmpty)
    }

    @Test("A file of a size asked for is of that size but for a row")
    func size() async throws {
        try await World.with(.quick { $0.fileSize = 3_000_000 }) { world async throws in
            let size = try await world.open(try await world.finished().link()).body.count
            #expect(size <= 3_000_000 && size > 2_999_000)
        }
    }
}

extension JSONValue {
    /// The link of the first file.
    func link() -> String { self["files"]?.array?.first?["url"]?.string ?? "" }
}
