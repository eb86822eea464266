import CausewayCore
import Foundation
import Support
import Testing

@Suite("Uploads that stall", .serialized)
struct StalledUploadTests {
    @Test(
        "A hundred that stand still and a hundred that trickle are cut off within minutes, and hold up nobody meanwhile",
        .soak, .timeLimit(.minutes(9)))
    func many() async throws {
        try await Stage.run { stage in
            let gateway = stage.gateway
            let file = try UploadFile.rows(20_000, "customers", in: stage.directory)
            let dryRun = "/v1/imports/customers?mode=dry_run"
            #expect(try await gateway.curl(["-T", file.path], dryRun).status == 200)
            let before = gateway.peakMemory
            let rows = Array(try Data(contentsOf: URL(filePath: file.path)))
            let port = try #require(URL(string: gateway.url)?.port.map(UInt16.init))
            let ended = Watched(0)
            for number in 0..<200 {
                let thread = Thread {
                    defer { ended.change { $0 += 1 } }
                    guard let connection = try? PeerConnection(to: port) else { return }
                    defer { connection.close() }
                    let head = """
                        PUT /v1/imports/customers HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\
                        Authorization: Bearer \(GatewayProcess.adminKey)\r\n\r\n
                        """
                    guard (try? connection.send(Array(head.utf8) + rows)) != nil else { return }
                    guard number.isMultiple(of: 2) else { return connection.waitForClose() }
                    while (try? connection.send("a")) != nil { sleep(1) }
                }
                thread.stackSize = 256 << 10
                thread.start()
            }
            let uploads = gateway.dataDirectory + "/uploads"
            try await asking("a part of each") {
                try FileManager.default.contentsOfDirectory(atPath: uploads).count { $0.hasSuffix(".part") } == 200
                    ? () : nil
            }
            #expect(ended.value == 0)
            #expect(try await gateway.curl(["-T", file.path], dryRun).status == 200)
            // Those that stand still after 75 s; the others in the window behind the one that brought the megabyte.
            try await ended.first("the end of all", within: .seconds(180)) { $0 == 200 ? () : nil }
            try await asking("an empty directory of uploads") {
                try FileManager.default.contentsOfDirectory(atPath: uploads).isEmpty ? () : nil
            }
            #expect(try await gateway.get("/v1/imports").data.count == 2)
            let grown = (gateway.peakMemory - before) >> 20
            #expect(grown < 400, "\(grown) MiB more for 200 uploads at once")
        }
    }
}
