import CausewayCore
import Foundation
import Testing

/// A step of one import's way, of three chunks, at which the gateway is killed.
enum ImportKillPoint: String, CaseIterable, CustomTestStringConvertible {
    case uploading = "while the file arrives"
    case unrecorded = "after the file has its name, before it is on record"
    case accepted = "right after it was accepted"
    case held = "after the second chunk is written down as going out, before it reaches the vendor"
    case notTaken = "between two chunks, while the vendor does not take the second"
    case inBody = "half-way through the second chunk"
    case outstanding = "while the second chunk's answer is outstanding"
    case answered = "after the second chunk was answered, before that is written down"
    case lost = "after the second chunk's answer was lost"
    case resolved = "right after a person said that the second chunk arrived"
    case cancelling = "while the chunk is on its way behind which it is to stop"
    case ended = "right after its end"

    /// Of `make test`; `make soak` takes all.
    static let short: [Self] = [.unrecorded, .held, .inBody, .answered, .cancelling]

    var testDescription: String { rawValue }

    var file: RewardsFile {
        switch self {
        // More than sockets hold.
        case .uploading, .inBody: RewardsFile(rows: 300, bodySize: 31_000)
        default: RewardsFile(rows: 6, bodySize: 20)
        }
    }

    var settings: [String: String] { ["CAUSEWAY_IMPORTS_CHUNK_ROWS": "\(file.rows.count / 3)"] }

    var fault: JSONValue? {
        switch self {
        case .notTaken:
            ["kind": "rate_limited", "route": "import", "skip": 1, "message": "Too many requests", "retry_after": 1]
        case .inBody: ["kind": "stall_in_body", "route": "import", "skip": 1, "after_bytes": 100_000, "delay": "60s"]
        case .outstanding, .cancelling: ["kind": "delay", "route": "import", "skip": 1, "delay": "60s"]
        case .answered: ["kind": "delay", "route": "import", "skip": 1, "count": 1, "delay": "3s"]
        case .lost, .resolved: ["kind": "drop_answer", "route": "import", "skip": 1, "count": 1]
        default: nil
        }
    }

    /// Of the requests to the importer.
    var gate: RequestGate? { self == .held ? RequestGate("POST /v1/import/", after: 1) : nil }
}

/// Rewards that are all different, so that one that comes twice is seen, and one that is missing too.
struct RewardsFile {
    static let header = "partner_key,amount_in_cents,body,currency\r\n"
    let rows: [String]

    init(rows count: Int, bodySize: Int) {
        let body = String(repeating: "b", count: bodySize)
        rows = (1...count).map { "partner-\($0),\(100 + $0),\(body),USD\r\n" }
    }

    func write(to path: String) throws {
        try Data((Self.header + rows.joined()).utf8).write(to: URL(filePath: path))
    }
}

struct ImportKillScene {
    let gateway: GatewayProcess
    let simulator: SimulatorProcess
    /// Of the CSV.
    let path: String
    var gate: RequestGate?

    /// Uploads the file and brings its import to the point, where the gateway is killed. Returns the import's id; nil
    /// where nobody was told of one.
    func kill(at point: ImportKillPoint) async throws -> String? {
        if let fault = point.fault { try await simulator.set(fault) }
        switch point {
        case .uploading:
            async let answer = gateway.curl(["--limit-rate", "500k", "-T", path], "/v1/imports/rewards")
            try await asking("a part of the file") { files.contains { $0.hasSuffix(".part") } ? () : nil }
            try await gateway.kill()
            #expect(try await answer.exit != 0)
            return nil
        case .unrecorded:
            let hold = try StoreHold(gateway.dataDirectory + "/causeway.sqlite")
            try await hold.begin()
            async let answer = gateway.curl(["-T", path], "/v1/imports/rewards")
            try await asking("the file under its name") { files.contains { $0.hasSuffix(".csv") } ? () : nil }
            try await gateway.kill()
            try await hold.end()
            #expect(try await answer.exit != 0)
            return nil
        default:
            let id = try await upload()
            let hold = try await reach(point, id)
            try await gateway.kill()
            try await hold?.end()
            return id
        }
    }

    /// An accepted import's id.
    func upload() async throws -> String {
        let answer = try await gateway.curl(["-T", path], "/v1/imports/rewards")
        guard answer.status == 202, let id = answer["id"]?.string else {
            throw NeverHappened(what: "an import: \(answer.status) \(answer.text)")
        }
        return id
    }

    private func reach(_ point: ImportKillPoint, _ id: String) async throws -> StoreHold? {
        switch point {
        case .held: try await gate?.reached()
        case .notTaken:
            try await asking("a chunk that waits") {
                try await gateway.get("/v1/imports/\(id)")["error"]?["code"] == "vendor_busy" ? () : nil
            }
        case .inBody: try await simulator.requests("import.rewards", 2)
        case .outstanding: _ = try await simulator.get("/simulator/imports?wait=60&count=2")
        case .cancelling:
            _ = try await simulator.get("/simulator/imports?wait=60&count=2")
            let answer = try await gateway.post("/v1/imports/\(id)/cancel", [:])
            #expect(answer["state"] == "forwarding" && answer["cancel_requested_at"]?.string != nil)
        case .answered:
            _ = try await simulator.get("/simulator/imports?wait=60&count=2")
            let hold = try StoreHold(gateway.dataDirectory + "/causeway.sqlite")
            try await hold.begin()
            try await gateway.logged("the vendor took an import", ["import": id, "chunk": "2"])
            return hold
        case .lost, .resolved:
            #expect(try await gateway.endedImport(id)["state"] == "needs_attention")
            if point == .resolved {
                _ = try await gateway.post("/v1/imports/\(id)/chunks/2/resolve", ["outcome": "imported"])
            }
        case .ended: #expect(try await gateway.endedImport(id)["state"] == "completed")
        case .uploading, .unrecorded, .accepted: break
        }
        return nil
    }

    /// Uploads as they lie on the disk.
    var files: [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: gateway.dataDirectory + "/uploads")) ?? []
    }
}
