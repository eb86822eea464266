import CausewayCore
import Crypto
import Events
import FileStore
import Foundation
import HTTPTypes
import Storage
import Support
import Testing
import Vendor
import VendorSimulator
import WorkQueue

@testable import Exports

@Suite("The files of exports are mirrored", .onEveryEngine)
struct MirrorTests {
    @Test("All files and the zip come whole, with size and hash, and that is told once")
    func mirrored() async throws {
        try await world(.quick { $0.files = 2 }) { world in
            let export = try await world.mirrored(try await world.request().export.id)
            #expect(export.status == .success)
            #expect(try await world.eventTypes(export.id) == ["export.completed", "export.mirrored"])
            let event = try #require(try await world.events().last)
            let resource = world.domain.operations.resource(of: export)
            #expect(event.data["files"] == resource["files"])
            for shown in (resource["files"]?.array ?? []) + [resource["zip_file"] ?? .null] {
                let name = try #require(shown["name"]?.string)
                let content = try await world.domain.files.open(export.id.text, name)
                #expect(content.isMirrored)
                let bytes = try await content.all()
                #expect(shown["mirrored"] == true && shown["size"]?.integer == Int64(bytes.count))
                #expect(shown["sha256"]?.string == bytes.sha256 && content.sha256 == bytes.sha256)
                #expect(try await world.bytesAtVendor(export, name) == bytes)
                #expect(try await content.all(10..<20) == bytes[10..<20].map(\.self))
            }
            #expect(try world.modes() == [0o600])
            // Nothing is to be learnt of it any more.
            try await world.until("no check is left") { transaction in
                try transaction.row("SELECT id FROM work_item WHERE kind = 'export.check'") == nil
            }
        }
    }

    @Test("Exports that others started are mirrored alike", arguments: ["in_app", "scheduled"])
    func foreign(_ source: String) async throws {
        try await world { world in
            try await world.domain.accountWebhook.register()
            let made = try await world.control(
                .post, "/simulator/exports", ["source": .string(source), "after_ms": 50])
            let key = try #require(made["key"]?.string)
            try await world.until("it is on record") { try ExportStore().export(vendorKey: key, in: $0) != nil }
            let export = try await world.mirrored(try await world.domain.operations.export(key).id)
            #expect(try await world.eventTypes(export.id) == ["export.completed", "export.mirrored"])
        }
    }

    @Test("A download that breaks goes on where it broke, as often as it must")
    func breaks() async throws {
        var cut = Fault(.truncatedDownload, count: 5)
        cut.afterBytes = 100_000
        try await world(.quick { [cut] in ($0.faults, $0.fileSize) = ([cut], 1_000_000) }) { world in
            try await world.mirrorsWhole()
            #expect(world.domain.counters[.mirrorResumed] == 5)
            #expect(world.domain.counters[.mirrorStartedOver] == 0)
            #expect(try await world.requests("files.resumed") == 5)
        }
    }

    @Test("Where the vendor's store knows no ranges, it begins again")
    func noRanges() async throws {
        try await world(
            .quick {
                $0.faults = [Fault(.truncatedDownload, count: 1), Fault(.rangeIgnored)]
                $0.fileSize = 500_000
            }
        ) { world in
            try await world.mirrorsWhole()
            #expect(world.domain.counters[.mirrorStartedOver] == 1)
        }
    }

    @Test("A file that has changed between two parts is never put together from both")
    func changed() async throws {
        try await world(
            .quick {
                $0.faults = [Fault(.truncatedDownload, count: 1), Fault(.fileChanged, count: 1)]
                $0.fileSize = 500_000
            }
        ) { world in
            try await world.mirrorsWhole()
            #expect(world.domain.counters[.mirrorStartedOver] == 1)
        }
    }

    @Test("A link that has expired is replaced by a fresh one, also half-way")
    func expiredLink() async throws {
        try await world(
            .quick {
                $0.faults = [Fault(.truncatedDownload, count: 1), Fault(.linkExpired, count: 1)]
                $0.fileSize = 500_000
            }
        ) { world in
            let checks = try await world.mirrorsWhole()
            #expect(world.domain.counters[.mirrorStartedOver] == 0)
            #expect(try await world.requests("export") > checks)
        }
    }

    @Test("An error of the vendor's store is waited out")
    func failing() async throws {
        var failing = Fault(.status, route: "files", count: 2)
        failing.status = 503
        try await world(.quick { [failing] in $0.faults = [failing] }) { world in try await world.mirrorsWhole() }
    }

    @Test("While a file is on its way it is passed through; what is there is served from the mirror")
    func onItsWay() async throws {
        var slow = Fault(.stalledDownload, count: 1)
        slow.delay = .seconds(600)
        try await world(.quick { [slow] in ($0.faults, $0.files) = ([slow], 2) }) { world in
            let id = try await world.request().export.id
            try await world.until("two of three are there") { transaction in
                try ExportFileStore().files(of: id, in: transaction).count { $0.state == .mirrored } == 2
            }
            let export = try await world.domain.operations.export(id.text)
            #expect(export.status == .success && export.mirroredAt == nil)
            let names = export.files.map(\.name) + [export.zipFile?.name ?? ""]
            var ways: [Bool] = []
            for name in names { ways.append(try await world.domain.files.open(id.text, name).isMirrored) }
            #expect(ways.count { $0 } == 2)
        }
    }

    @Test(
        "Links that die before the files are there make the export expired; what came of them stays", .inRealTime)
    func lost() async throws {
        try await world(
            .quick {
                $0.faults = [Fault(.status, route: "files")]
                $0.linkLifetime = RealTime.limit * 3
            }, settings: { $0.expiryGrace = .milliseconds(50) }
        ) { world in
            let id = try await world.request().export.id
            let export = try await world.settled(id, .expired)
            #expect(try await world.eventTypes(id) == ["export.completed", "export.expired"])
            try await world.until("the file is given up") { transaction in
                try ExportFileStore().files(of: id, in: transaction).allSatisfy { $0.state == .lost }
            }
            let error = await #expect(throws: ExportOperationError.self) {
                _ = try await world.domain.files.open(id.text, export.files.first?.name ?? "file")
            }
            #expect(error?.code == "gone")
            #expect(try world.files.names().isEmpty)
        }
    }

    @Test(
        "A mirrored export stays a success when the vendor's links die, and answers who asks with max_age", .inRealTime)
    func outlivesLinks() async throws {
        try await world(
            .quick { $0.linkLifetime = RealTime.limit * 3 }, settings: { $0.expiryGrace = .zero }
        ) { world in
            let export = try await world.mirrored(try await world.request().export.id)
            let expiresAt = try #require(export.expiresAt)
            try await SystemTimeSource().sleep(until: expiresAt + .milliseconds(100))
            let again = try await world.request { $0.maxAge = .seconds(3600) }
            #expect(again.way == .found && again.export.id == export.id && again.export.status == .success)
            #expect(try await world.domain.files.open(export.id.text, export.files[0].name).isMirrored)
        }
    }

    @Test("A disk without room is waited for, and said")
    func full() async throws {
        try await world(settings: { $0.mirror.keepFree = .max / 2 }) { world in
            let id = try await world.request().export.id
            let export = try await world.settled(id)
            try await world.until("it says so") { transaction in
                let row = try transaction.row("SELECT last_error FROM work_item WHERE kind = 'export.mirror'")
                let error: String? = try row?["last_error"]
                return error == "the disk is full"
            }
            #expect(export.status == .success)
            #expect(world.domain.counters[.mirrorFull] >= 1)
            let content = try await world.domain.files.open(id.text, export.files[0].name)
            #expect(!content.isMirrored)
        }
    }

    @Test("A gateway that died half-way is followed by one that goes on where the last checkpoint was")
    func died() async throws {
        var stalled = Fault(.stalledDownload, count: 1)
        (stalled.delay, stalled.afterBytes) = (.seconds(600), 300_000)
        try await world(
            .quick { [stalled] in ($0.faults, $0.fileSize) = ([stalled], 500_000) }, works: false
        ) { world in
            let id = try await world.request().export.id
            try await world.working {
                try await world.until("it is half-way") { transaction in
                    try ExportFileStore().files(of: id, in: transaction).first?.storedName != nil
                }
                try await world.until("bytes came") { _ in
                    try world.sizes().contains { $0 >= 300_000 }
                }
            }
            // Stopped in peace it has written a checkpoint down.
            let file = try await world.engine.read { try ExportFileStore().files(of: id, in: $0)[0] }
            #expect(file.partSize >= 300_000)
            try await world.working { _ = try await world.mirrored(id) }
            #expect(world.domain.counters[.mirrorResumed] == 1)
            try await world.expectWhole(id)
        }
    }

    @Test("Two writers never write in one file: who slept through his lease has no more say")
    func slept() async throws {
        try await world(works: false) { world in
            let part = try await world.files.begin("held")
            try await part.append([1, 2, 3])
            #expect(try await part.checkpoint() == 3)
            #expect(try await world.files.resume("held", at: 3) == nil)
            await world.files.removeUnfinished("held")
            await #expect(throws: FileStoreError.self) { _ = try await part.finish() }
        }
    }

    @Test("Files go when their time is over, oldest first, and a 410 says why; who reads one reads on")
    func age() async throws {
        try await world(settings: { ($0.mirror.keep, $0.mirror.tidyInterval) = (.milliseconds(1), .seconds(3600)) }) {
            world in
            let export = try await world.mirrored(try await world.request().export.id)
            let name = export.files[0].name
            let open = try await world.domain.files.open(export.id.text, name)
            try await world.domain.tidy.retain()
            #expect(try await open.all().count == Int(open.size ?? 0))
            let error = await #expect(throws: ExportOperationError.self) {
                _ = try await world.domain.files.open(export.id.text, name)
            }
            #expect(error?.code == "gone" && error?.detail.contains("mirror.keep") == true)
            let after = try await world.domain.operations.export(export.id.text)
            #expect(after.status == .success && after.revision > export.revision)
            let shown = world.domain.operations.resource(of: after)["files"]?.array?.first
            #expect(shown?["mirrored"] == false && shown?["sha256"]?.string == open.sha256)
            #expect(try world.files.names().isEmpty)
            #expect(try await world.request { $0.maxAge = .seconds(3600) }.way == .made)
        }
    }

    @Test("Where all files together are too large the oldest exports make room, and the newest stays")
    func size() async throws {
        try await world(settings: { ($0.mirror.maximumSize, $0.mirror.tidyInterval) = (1, .seconds(3600)) }) { world in
            var exports: [Export] = []
            for report in ["vrc_123456", "vrc_123457", "vrc_123458"] {
                exports.append(try await world.mirrored(try await world.request(report).export.id))
            }
            try await world.domain.tidy.retain()
            var there: [Bool] = []
            for export in exports {
                let now = try await world.domain.operations.export(export.id.text)
                there.append(now.mirror.allSatisfy(\.isThere))
            }
            #expect(there == [false, false, true])
            #expect(try world.files.names().count == 1)
        }
    }

    @Test("What belongs to no export goes from the disk, unless somebody is writing it")
    func sweep() async throws {
        try await world { world in
            let export = try await world.mirrored(try await world.request().export.id)
            let held = try await world.files.begin("held")
            _ = try await world.files.begin("abandoned")
            let stray = try await world.files.begin("stray")
            _ = try await stray.finish()
            withExtendedLifetime(stray) {}
            // Nobody holds the two others from here on.
            try await world.domain.tidy.sweep(age: .seconds(-60))
            let names = try world.listing()
            #expect(names.contains("held.part") && !names.contains("abandoned.part"))
            #expect(try await world.domain.files.open(export.id.text, export.files[0].name).isMirrored)
            withExtendedLifetime(held) {}
        }
    }

    private func world(
        _ options: SimulatorOptions = .quick, settings change: @escaping (inout ExportSettings) -> Void = { _ in },
        works: Bool = true, _ body: @escaping @Sendable (ExportWorld) async throws -> Void
    ) async throws {
        try await ExportWorld.with(
            options,
            settings: { settings in
                settings.mirror.isEnabled = true
                change(&settings)
            }, works: works, body)
    }
}

extension ExportWorld {
    /// The export once all its files are there.
    fileprivate func mirrored(_ id: ExportID) async throws -> Export {
        try await until("\(id) is mirrored") { try ExportStore().export(id, in: $0)?.mirroredAt != nil }
        return try await domain.operations.export(id.text)
    }

    /// A new export's file, come what may; gives how often the vendor was asked for the status before.
    @discardableResult
    fileprivate func mirrorsWhole() async throws -> Int64 {
        let id = try await request().export.id
        let checks = Int64(domain.counters[.check])
        _ = try await mirrored(id)
        try await expectWhole(id)
        return checks
    }

    fileprivate func expectWhole(_ id: ExportID) async throws {
        let export = try await domain.operations.export(id.text)
        for name in export.files.map(\.name) {
            let bytes = try await domain.files.open(id.text, name).all()
            let atVendor = try await bytesAtVendor(export, name)
            #expect(bytes == atVendor)
            #expect(export.mirror.first { $0.name == name }?.sha256 == bytes.sha256)
        }
        #expect(try await eventTypes(id) == ["export.completed", "export.mirrored"])
    }

    fileprivate func bytesAtVendor(_ export: Export, _ name: String) async throws -> [UInt8] {
        let fresh = try await vendor.export(export.vendorKey ?? "")
        let url = (fresh.files + [fresh.zipFile].compactMap(\.self)).first { $0.name == name }?.url
        var bytes: [UInt8] = []
        for try await chunk in try await vendor.openDownload(url ?? "") { bytes += chunk }
        return bytes
    }

    fileprivate func working(_ body: @escaping @Sendable () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await work() }
            try await body()
            group.cancelAll()
            while await group.nextResult() != nil {}
        }
    }

    fileprivate func listing() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: files.directory)
    }

    fileprivate func sizes() throws -> [Int] {
        try listing().map { name in
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(files.directory)/\(name)")
            return (attributes[.size] as? Int) ?? 0
        }
    }

    fileprivate func modes() throws -> Set<Int> {
        Set(
            try listing().map { name in
                let attributes = try FileManager.default.attributesOfItem(atPath: "\(files.directory)/\(name)")
                return (attributes[.posixPermissions] as? Int) ?? 0
            })
    }
}

extension ExportFileContent {
    fileprivate func all(_ range: Range<Int64>? = nil) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        for try await chunk in chunks(range) { bytes += chunk }
        return bytes
    }
}

extension [UInt8] {
    fileprivate var sha256: String { Digest.hex(SHA256.hash(data: self)) }
}
