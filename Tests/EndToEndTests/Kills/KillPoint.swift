import CausewayCore
import Foundation
import StorageSQLite
import Support
import Testing

/// A step of one export's way at which the gateway is killed. Reached by what the outside sees and does: the
/// simulator's faults and its log, files on the disk, the API, the log.
enum KillPoint: String, CaseIterable, CustomTestStringConvertible {
    case accepted = "right after it was accepted"
    case triggerHeld = "before the trigger reaches the vendor"
    case notTaken = "while the vendor does not take it"
    case triggerOutstanding = "while the trigger's answer is outstanding"
    case triggerLost = "after the trigger's answer was lost"
    case queued = "once it is queued at the vendor"
    case endedMeanwhile = "while queued, and it ends while the gateway is down"
    case hinted = "after a webhook, while the vendor is asked"
    case ended = "right after its end was learnt"
    case halfFile = "half-way through a file"
    case lastByte = "with all but the last byte of a file"
    case broken = "between a break of a download and the next try"
    case noRoom = "while there is no room on the disk"
    case renamed = "after a file has its name, before that is written down"
    case firstMirrored = "right after the first file was mirrored"
    case mirrored = "once all files are mirrored"
    case delivering = "while deliveries are under way"
    case betweenAttempts = "between two attempts of a delivery"

    /// Of `make test`; `make soak` takes all.
    static let short: [Self] = [.triggerHeld, .triggerOutstanding, .hinted, .halfFile, .renamed, .betweenAttempts]

    static let simulator = ["--hold", "--files", "2", "--file-size", "400kB"]

    var testDescription: String { rawValue }

    var settings: [String: String] {
        switch self {
        case .accepted, .triggerHeld: ["CAUSEWAY_EXPORTS_ASK_AGAIN_AFTER": "1s"]
        // Nothing but the webhook makes it ask.
        case .hinted: ["CAUSEWAY_POLLING_FAST": "1h", "CAUSEWAY_POLLING_SLOW": "1h"]
        // Terabytes that nobody has, until the setting is taken out again.
        case .noRoom: ["CAUSEWAY_MIRROR_KEEP_FREE": "900000GiB"]
        case .betweenAttempts: ["CAUSEWAY_DELIVERIES_RETRY_SCHEDULE": "2s,1s"]
        default: [:]
        }
    }

    /// Of each subscriber.
    var answers: [Subscriber.Answer] {
        switch self {
        case .delivering: [.silence]
        case .betweenAttempts: [.status(500)]
        default: []
        }
    }

    /// Whether the vendor has not ended the export when the point is reached.
    var isBeforeEnd: Bool {
        switch self {
        case .accepted, .triggerHeld, .notTaken, .triggerOutstanding, .triggerLost, .queued, .endedMeanwhile: true
        default: false
        }
    }

    var fault: JSONValue? {
        switch self {
        case .notTaken:
            ["kind": "rate_limited", "route": "trigger", "message": "Too many requests", "retry_after": 1]
        case .triggerOutstanding: ["kind": "delay", "route": "trigger", "delay": "60s", "count": 1]
        case .triggerLost: ["kind": "drop_answer", "route": "trigger", "count": 1]
        case .hinted: ["kind": "delay", "route": "export", "delay": "60s", "count": 1]
        case .halfFile: ["kind": "stalled_download", "route": "files", "delay": "120s", "after_bytes": 200_000]
        case .renamed: ["kind": "stalled_download", "route": "files", "delay": "3s", "after_bytes": 200_000]
        case .broken: ["kind": "status", "route": "files", "status": 503]
        default: nil
        }
    }
}

/// Who plays when a point is to be reached.
struct KillScene {
    let gateway: GatewayProcess
    let simulator: SimulatorProcess
    let subscriptions: [Stage.Subscription]
    var gate: RequestGate?

    /// Asks for an export and brings it to the point, where the gateway is killed; returns the export's id.
    func kill(at point: KillPoint) async throws -> String {
        if let fault = point.fault { try await simulator.set(fault) }
        if point == .lastByte {
            let size = try await sizeOfFile()
            try await simulator.set([
                "kind": "stalled_download", "route": "files", "delay": "120s", "after_bytes": .integer(size - 1),
            ])
        }
        let id = try await gateway.requestExport()
        try await reachTrigger(point, id)
        if !point.isBeforeEnd {
            _ = try await gateway.export(id, "is queued") { $0["status"] == "queued" }
            try await simulator.complete(try await simulator.exports(1)[0])
            try await reachEnd(point, id)
        }
        if point == .renamed { return try await killWhileRecordIsHeld(id) }
        try await gateway.kill()
        return id
    }

    private func reachTrigger(_ point: KillPoint, _ id: String) async throws {
        switch point {
        case .triggerHeld: try await gate?.reached()
        case .notTaken:
            _ = try await gateway.export(id, "waits for its next try") { $0["error"]?["code"] == "vendor_busy" }
        case .triggerOutstanding: _ = try await simulator.exports(1)
        case .triggerLost:
            try await gateway.logged("a trigger's outcome is not known: waiting for a webhook", ["export": id])
        case .queued, .endedMeanwhile: _ = try await gateway.export(id, "is queued") { $0["status"] == "queued" }
        default: break
        }
    }

    private func reachEnd(_ point: KillPoint, _ id: String) async throws {
        switch point {
        case .hinted:
            _ = try await simulator.webhooks(delivered: 2)
            try await simulator.requests("export", 1)
        case .ended: _ = try await gateway.ended(id)
        case .halfFile, .renamed: try await asking("half a file") { largestPart >= 200_000 ? () : nil }
        case .lastByte:
            let size = try await sizeOfFile()
            try await asking("all but a byte") { largestPart == size - 1 ? () : nil }
        case .broken: try await gateway.logged("a file of an export is fetched again later", ["export": id])
        case .noRoom:
            try await gateway.logged(
                "the disk is full: a file of an export waits at the vendor until there is room", ["export": id])
        case .firstMirrored: try await gateway.logged("a file of an export is mirrored", ["export": id])
        case .mirrored: try await gateway.logged("an export is mirrored", ["export": id])
        case .delivering: for subscription in subscriptions { _ = try await subscription.endpoint.received(1) }
        case .betweenAttempts:
            for subscription in subscriptions {
                try await gateway.logged("delivery attempt", ["subscription": subscription.id, "state": "pending"])
            }
        default: break
        }
    }

    /// Nothing can be written down from half of the file on: somebody else holds the database.
    private func killWhileRecordIsHeld(_ id: String) async throws -> String {
        let hold = try StoreHold(gateway.dataDirectory + "/causeway.sqlite")
        try await hold.begin()
        try await asking("a file under its name", within: .seconds(60)) {
            names.contains { !$0.hasSuffix(".part") } ? () : nil
        }
        try await gateway.kill()
        try await hold.end()
        return id
    }

    private func sizeOfFile() async throws -> Int64 {
        // Of each part of any export alike.
        let twin = try await SimulatorProcess.start(KillPoint.simulator, in: gateway.dataDirectory + "/..")
        defer { twin.end() }
        let made = try await twin.post("/simulator/exports", ["source": "in_app"]).json
        try await twin.complete(made)
        let link = try await twin.exports(1)[0]["files"]?.array?.first?["url"]?.string ?? ""
        return Int64(try await Curl.run([link]).body.count)
    }

    private var names: [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: gateway.dataDirectory + "/mirror")) ?? []
    }

    /// In bytes; 0 where nothing is on its way.
    var largestPart: Int64 {
        names.filter { $0.hasSuffix(".part") }.map { name -> Int64 in
            let path = "\(gateway.dataDirectory)/mirror/\(name)"
            let size = try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
            return Int64(size ?? 0)
        }.max() ?? 0
    }
}
