import CausewayCore
import Foundation
import Testing

@Suite("SIGKILL while files are mirrored, then a start on the same data", .serialized)
struct MirrorTests {
    enum Step: String, CaseIterable, CustomTestStringConvertible {
        case ended = "right after the export's end was learnt"
        case halfWay = "half-way through a file"
        case broken = "between a break and the next try"
        case noRoom = "while there is no room on the disk"
        case mirrored = "right after the first file was mirrored"

        var testDescription: String { rawValue }

        var fault: JSONValue? {
            switch self {
            case .halfWay:
                ["kind": "stalled_download", "route": "files", "delay": "120s", "after_bytes": 200_000]
            case .broken: ["kind": "status", "route": "files", "status": 503]
            default: nil
            }
        }
    }

    @Test(
        "All files are there in the end, whole, and that is told once", .timeLimit(.minutes(9)),
        arguments: Step.allCases)
    func goesOn(killed step: Step) async throws {
        // Terabytes that nobody has, until the setting is taken out again.
        let settings = step == .noRoom ? ["CAUSEWAY_MIRROR_KEEP_FREE": "900000GiB"] : [:]
        try await Stage.run(simulator: ["--files", "2", "--file-size", "400kB"], settings: settings) { stage in
            let (gateway, simulator) = (stage.gateway, stage.simulator)
            let subscription = try await stage.subscribe("team", events: ["export.completed", "export.mirrored"])
            if let fault = step.fault { try await simulator.set(fault) }
            let id = try await gateway.requestExport()
            #expect(try await gateway.ended(id)["status"] == "success")
            switch step {
            case .ended: break
            case .halfWay:
                try await asking("half a file") { Self.largestPart(gateway) >= 200_000 ? () : nil }
            case .broken: try await gateway.logged("a file of an export is fetched again later", ["export": id])
            case .noRoom:
                try await gateway.logged(
                    "the disk is full: a file of an export waits at the vendor until there is room", ["export": id])
            case .mirrored: try await gateway.logged("a file of an export is mirrored", ["export": id])
            }
            try await gateway.kill()
            try await simulator.clearFaults()
            try await gateway.start(without: ["CAUSEWAY_MIRROR_KEEP_FREE"])

            let export = try await gateway.export(id, "is mirrored") { export in
                Self.files(export).allSatisfy { $0["mirrored"] == true }
            }
            #expect(export["status"] == "success")
            #expect(Self.files(export).count == 3)
            for file in Self.files(export) {
                let name = file["name"]?.string ?? ""
                let part = try await gateway.curl(["-r", "100-"], "/v1/exports/\(id)/files/\(name)")
                #expect(part.status == 206)
                let whole = try await gateway.get("/v1/exports/\(id)/files/\(name)")
                #expect(whole.status == 200 && part.body == whole.body.dropFirst(100))
                #expect(Int64(whole.body.count) == file["size"]?.integer)
                #expect(whole.header("ETag") == "\"\(file["sha256"]?.string ?? "")\"")
            }
            #expect(try await subscription.endpoint.events(2).count == 2)
            let told = subscription.endpoint.requests.value.compactMap { $0.json["type"]?.string }
            #expect(Set(told) == ["export.completed", "export.mirrored"])
            // What was begun before is gone on with, or gone.
            try await asking("no part of a file") { Self.largestPart(gateway) == 0 ? () : nil }
        }
    }

    private static func files(_ export: JSONValue) -> [JSONValue] {
        (export["files"]?.array ?? []) + [export["zip_file"] ?? .null]
    }

    /// In bytes; 0 where nothing is on its way.
    private static func largestPart(_ gateway: GatewayProcess) -> Int {
        let directory = gateway.dataDirectory + "/mirror"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        let sizes = names.filter { $0.hasSuffix(".part") }.map { name -> Int in
            let attributes = try? FileManager.default.attributesOfItem(atPath: "\(directory)/\(name)")
            return (attributes?[.size] as? Int) ?? 0
        }
        return sizes.max() ?? 0
    }
}
