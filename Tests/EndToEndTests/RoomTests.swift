import CausewayCore
import Foundation
import Support
import Testing

@Suite("A disk that is full, for real", .serialized)
struct RoomTests {
    @Test(
        "The mirror holds off until there is room; nothing is served half meanwhile, and the gateway answers",
        .enabled("a file system of some megabytes can be mounted (as root)") { await SmallDisk.isAllowed() },
        .timeLimit(.minutes(9)))
    func mirror() async throws {
        try await SmallDisk.run(
            megabytes: 32, simulator: ["--file-size", "10MB"], settings: ["CAUSEWAY_MIRROR_KEEP_FREE": "0"]
        ) { stage, disk in
            let (gateway, simulator) = (stage.gateway, stage.simulator)
            let told = try await stage.subscribe("team", events: ["export.completed", "export.mirrored"])
            // There is room when the download begins, and none half-way.
            try await simulator.set(["kind": "slow_download", "route": "files", "delay": "150ms"])
            let id = try await gateway.requestExport()
            #expect(try await gateway.ended(id)["status"] == "success")
            try await asking("a megabyte of the file", within: .seconds(60)) {
                disk.sizes(in: "mirror").max() ?? 0 > 1_000_000 ? () : nil
            }
            try await disk.fill()
            let line = try await gateway.logged(
                "the disk is full: a file of an export waits at the vendor until there is room", ["export": id])
            #expect(line["level"] == "error")
            try await simulator.clearFaults()
            // What it gave back is taken too.
            try await disk.fill()
            try await checkWhileFull(stage, id)

            try await disk.clear()
            let export = try await asking("a mirrored export", within: .seconds(120)) {
                let export = try await gateway.get("/v1/exports/\(id)").json
                guard export["files"]?.array?.first?["mirrored"] == true else { return JSONValue?.none }
                return export
            }
            #expect(try await content(stage, id, export) == vendorsFile(stage))
            try await told.endpoint.requests.first("both events", within: .seconds(60)) { requests in
                Set(requests.map(\.type)) == ["export.completed", "export.mirrored"] ? () : nil
            }
            #expect(Set(told.endpoint.requests.value.map(\.id)).count == 2)
            #expect(try await gateway.post("/v1/exports", ["report": "vrc_123457"]).status == 202)
        }
    }

    @Test(
        "An upload that finds no room is 507, while it arrives and while its good rows are written, and leaves nothing",
        .enabled("a file system of some megabytes can be mounted (as root)") { await SmallDisk.isAllowed() },
        .timeLimit(.minutes(9)))
    func uploads() async throws {
        try await SmallDisk.run(megabytes: 24) { stage, disk in
            let gateway = stage.gateway
            // The second fits once, but not its good rows beside it.
            for (megabytes, query) in [(30, ""), (14, "?mode=valid_rows")] {
                let path = stage.directory.file("rewards.csv")
                let good = RewardsFile(rows: megabytes * 100, bodySize: 10_000).rows.joined()
                try Data("\(RewardsFile.header)nobody,nothing,,\n\(good)".utf8).write(to: URL(filePath: path))
                let answer = try await gateway.curl(["-T", path], "/v1/imports/rewards" + query)
                #expect(answer.status == 507 && answer["code"] == "storage_full", "\(answer.text)")
                try await asking("an empty disk") { disk.sizes(in: "uploads").isEmpty ? () : nil }
            }
            #expect(try await gateway.get("/v1/imports").data.isEmpty)
            let path = stage.directory.file("small.csv")
            try Data("email\na@example.com\n".utf8).write(to: URL(filePath: path))
            let taken = try await gateway.curl(["-T", path], "/v1/imports/customers")
            #expect(taken.status == 202)
            #expect(try await gateway.endedImport(taken["id"]?.string ?? "")["state"] == "completed")
        }
    }

    @Test(
        "An upload whose rows find no room beside it, to be looked through for those there twice, is 507 and leaves nothing",
        .enabled("a file system of some megabytes can be mounted (as root)") { await SmallDisk.isAllowed() },
        .timeLimit(.minutes(9)))
    func spilling() async throws {
        try await SmallDisk.run(megabytes: 32) { stage, disk in
            let file = stage.directory.file("customers.csv")
            var text = "email\n"
            for number in 1_000_000..<2_200_000 { text += "\(number)@b.co\n" }
            // The file itself has twice the room it needs; its rows take 24 bytes each.
            #expect(text.utf8.count < 16 << 20)
            try Data(text.utf8).write(to: URL(filePath: file))
            let answer = try await stage.gateway.curl(["-T", file], "/v1/imports/customers")
            #expect(answer.status == 507 && answer["code"] == "storage_full", "\(answer.text)")
            try await asking("an empty disk") { disk.sizes(in: "uploads").isEmpty ? () : nil }
            #expect(try await stage.gateway.get("/v1/imports").data.isEmpty)
            try Data(text.utf8.prefix(6 + 13 * 100_000)).write(to: URL(filePath: file))
            #expect(try await stage.gateway.curl(["-T", file], "/v1/imports/customers").status == 202)
        }
    }

    @Test(
        "An upload in several requests keeps what there was room for, and goes on when there is more",
        .enabled("a file system of some megabytes can be mounted (as root)") { await SmallDisk.isAllowed() },
        .timeLimit(.minutes(9)), arguments: [8, 22])
    func resumable(room: Int) async throws {
        try await SmallDisk.run(megabytes: 48) { stage, disk in
            let gateway = stage.gateway
            let file = try UploadFile.rows(700_000, "customers", in: stage.directory)
            #expect(file.size > 24 << 20 && file.size < 32 << 20)
            let made = try await gateway.curl(["-X", "POST"], "/v1/uploads?object=customers&mode=dry_run")
            let path = try #require(made.header("Location"))
            func send(from offset: Int) async throws -> Curl {
                let rest = stage.directory.file("rest")
                try await Shell.run("tail -c +\(offset + 1) \(file.path) > \(rest)")
                return try await gateway.curl(
                    [
                        "-X", "PATCH", "-T", rest, "-H", "Upload-Offset: \(offset)", "-H", "Upload-Complete: ?1", "-H",
                        "Content-Type: application/partial-upload",
                    ], path)
            }
            // Less than the file needs: enough for a checkpoint of it, or not even that.
            try await disk.fill(megabytes: 48 - room)
            let full = try await send(from: 0)
            #expect(full.status == 507 && full["code"] == "storage_full", "\(full.text)")
            #expect(full.header("Upload-Complete") == nil)
            let head = try await gateway.curl(["-I"], path)
            let offset = try #require(head.header("Upload-Offset").flatMap { Int($0) })
            #expect(room > 16 ? (16 << 20..<room << 20).contains(offset) : offset == 0, "\(offset)")
            #expect(disk.sizes(in: "uploads/resumable") == [offset])
            #expect(try await gateway.get("/healthz").status == 200)
            try await disk.clear()
            let taken = try await send(from: offset)
            #expect(taken.status == 200 && taken["sha256"]?.string == file.sha256, "\(taken.text)")
            #expect(disk.sizes(in: "uploads/resumable").isEmpty)
        }
    }

    private func checkWhileFull(_ stage: Stage, _ id: String) async throws {
        let shown = try await stage.gateway.get("/v1/exports/\(id)")
        #expect(shown.status == 200 && shown["status"] == "success")
        #expect(shown["files"]?.array?.first?["mirrored"] == false)
        // From the vendor, whole.
        #expect(try await content(stage, id, shown.json) == vendorsFile(stage))
        let asked = try await stage.gateway.post("/v1/exports", ["report": "vrc_123458"])
        #expect([202, 503, 507].contains(asked.status), "\(asked.text)")
        if asked.status != 202 { #expect(asked["detail"]?.string?.isEmpty == false) }
        #expect(try await stage.gateway.get("/healthz").status == 200)
    }

    private func content(_ stage: Stage, _ id: String, _ export: JSONValue) async throws -> Data {
        let name = export["files"]?.array?.first?["name"]?.string ?? ""
        let answer = try await stage.gateway.get("/v1/exports/\(id)/files/\(name)")
        #expect(answer.status == 200 && answer.exit == 0)
        return answer.body
    }

    private func vendorsFile(_ stage: Stage) async throws -> Data {
        let link = try await stage.simulator.exports(1)[0]["files"]?.array?.first?["url"]?.string
        return try await Curl.run([link ?? ""]).body
    }
}

/// A file system of its own, in memory.
private struct SmallDisk {
    let path: String

    static func isAllowed() async -> Bool {
        guard let directory = try? TemporaryDirectory(),
            let disk = try? await SmallDisk(at: directory.path, megabytes: 1)
        else { return false }
        try? await disk.unmount()
        return true
    }

    init(at path: String, megabytes: Int) async throws {
        self.path = path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        guard try await Self.run(["mount", "-t", "tmpfs", "-o", "size=\(megabytes)m", "tmpfs", path]) == 0 else {
            throw NeverHappened(what: "a mounted file system")
        }
    }

    /// A stage whose gateway has its data there.
    static func run(
        megabytes: Int, simulator: [String] = [], settings: [String: String] = [:],
        _ body: (Stage, SmallDisk) async throws -> Void
    ) async throws {
        try await Stage.run(simulator: simulator, settings: settings, startsGateway: false) { stage in
            let disk = try await SmallDisk(at: stage.gateway.dataDirectory, megabytes: megabytes)
            do {
                try await stage.gateway.start()
                try await body(stage, disk)
            } catch {
                Issue.record(error, "the gateway's log:\n\(stage.gateway.log)")
            }
            try await stage.gateway.kill()
            try await disk.unmount()
        }
    }

    func fill(megabytes: Int) async throws {
        _ = try await Self.run(["sh", "-c", "head -c \(megabytes)M /dev/zero > \(path)/ballast"])
    }

    /// To its last byte.
    func fill() async throws { _ = try await Self.run(["sh", "-c", "cat /dev/zero >> \(path)/ballast"]) }

    func clear() async throws { try FileManager.default.removeItem(atPath: path + "/ballast") }

    func unmount() async throws { _ = try await Self.run(["umount", "-l", path]) }

    func sizes(in directory: String) -> [Int] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(path)/\(directory)")) ?? []
        return names.compactMap { name in
            try? FileManager.default.attributesOfItem(atPath: "\(path)/\(directory)/\(name)")[.size] as? Int
        }
    }

    private static func run(_ arguments: [String]) async throws -> Int32 {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        return try await withCheckedThrowingContinuation { continuation in
            process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
            do { try process.run() } catch { continuation.resume(throwing: error) }
        }
    }
}
