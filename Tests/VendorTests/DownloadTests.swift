import CausewayCore
import HTTPTypes
import OutboundHTTP
import Testing
import Vendor
import VendorSimulator

@Suite("Downloads")
struct DownloadTests {
    @Test("A file comes whole, with its size told beforehand, and the keys are not sent along")
    func whole() async throws {
        try await VendorWorld.with(.quick { $0.fileSize = 3 << 20 }) { world in
            let export = try await world.finishedExport()
            let link = try #require(export.files.first?.url)
            let download = try await world.client.openDownload(link)
            var count: Int64 = 0
            for try await chunk in download { count += Int64(chunk.count) }
            #expect(count > 2 << 20)
            #expect(download.size == count)
            #expect(try await world.control(.get, "/simulator/state")["credential_leaks"] == 0)
            #expect(!world.log.text.contains("signature="))
        }
    }

    @Test("A file that is cut off ends in an error, never as if it were whole")
    func cutOff() async throws {
        try await VendorWorld.with(.quick { $0.faults = [Fault(.truncatedDownload)] }) { world in
            let link = try #require(try await world.finishedExport().files.first?.url)
            let download = try await world.client.openDownload(link)
            let error = await #expect(throws: VendorError.self) { for try await _ in download {} }
            #expect(error?.cause == .noAnswer(stage: "receive"))
        }
    }

    @Test("A dead link tells its status before anything is read")
    func deadLink() async throws {
        try await VendorWorld.with(.quick { $0.faults = [Fault(.linkExpired)] }) { world in
            let link = try #require(try await world.finishedExport().files.first?.url)
            let error = await #expect(throws: VendorError.self) { _ = try await world.client.openDownload(link) }
            #expect(error?.status == 403)
        }
    }

    @Test("A link to a private address is not followed unless its network is opened")
    func privateAddress() async throws {
        try await VendorWorld.with(settings: { $0.allowedNetworks = .none }) { world in
            let link = try #require(try await world.finishedExport().files.first?.url)
            let error = await #expect(throws: VendorError.self) { _ = try await world.client.openDownload(link) }
            #expect(error?.message.contains("egress_denied") == true)
        }
    }

    @Test("Letting go of a download ends its transfer")
    func letGo() async throws {
        try await VendorWorld.with(.quick { $0.fileSize = 64 << 20 }) { world in
            let link = try #require(try await world.finishedExport().files.first?.url)
            func readOne() async throws {
                var chunks = try await world.client.openDownload(link).makeAsyncIterator()
                _ = try await chunks.next()
            }
            try await readOne()
            // The loop stops only once all transfers have ended; `with` would hang here otherwise.
        }
    }
}
