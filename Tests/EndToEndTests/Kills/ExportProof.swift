import CausewayCore
import Crypto
import Foundation
import Testing

/// That an export came to its end as if nothing had happened.
struct ExportProof {
    let gateway: GatewayProcess
    let simulator: SimulatorProcess
    let subscriptions: [Stage.Subscription]

    /// Success, one export at the vendor, the vendor's files byte for byte, one event of each type.
    func check(_ id: String, within patience: Duration = .seconds(60)) async throws {
        let export = try await asking("a mirrored export \(id)", within: patience) {
            // It may be on its way up.
            let export = try await gateway.get("/v1/exports/\(id)").json
            let isMirrored = Self.files(export).allSatisfy { $0["mirrored"] == true }
            guard export["status"] == "success", isMirrored else { return JSONValue?.none }
            return export
        }
        #expect(export["error"] == .null)
        let report = export["report"]?.string ?? ""
        let atVendor = try await simulator.get("/simulator/exports?wait=0&report=\(report)").data
        #expect(atVendor.map { $0["key"] } == [export["vendor_key"]])
        let entity = try #require(atVendor.first)
        #expect(Self.files(export).count == Self.files(entity).count)
        for (file, original) in zip(Self.files(export), Self.files(entity)) {
            let bytes = try await Curl.run([original["url"]?.string ?? ""]).body
            let sha256 = Digest.hex(SHA256.hash(data: bytes))
            #expect(file["name"] == original["name"])
            #expect(file["sha256"]?.string == sha256 && file["size"]?.integer == Int64(bytes.count))
            let name = file["name"]?.string ?? ""
            #expect(try await gateway.get("/v1/exports/\(id)/files/\(name)").body == bytes)
            let end = try await gateway.curl(["-r", "100-"], "/v1/exports/\(id)/files/\(name)")
            #expect(end.status == 206 && end.body == bytes.dropFirst(100))
        }
        for subscription in subscriptions {
            let told = try await subscription.endpoint.requests.first("both events", within: patience) { requests in
                let told = requests.filter { $0.json["data"]?["id"]?.string == id }
                return Set(told.map(\.type)) == ["export.completed", "export.mirrored"] ? told : nil
            }
            #expect(Set(told.map(\.id)).count == 2)
            for request in told { #expect(throws: Never.self) { try request.verify(subscription.secret) } }
        }
    }

    /// Once a later one has gone its way, nothing more is to come of the first.
    func checkNothingFollows(_ id: String, _ others: Set<String> = []) async throws {
        let later = try await gateway.requestExport("vrc_123457")
        let atVendor = try await asking("the later export at the vendor", within: .seconds(60)) {
            try await simulator.get("/simulator/exports?wait=1&report=vrc_123457").data.first
        }
        if atVendor["status"] == "queued" { try await simulator.complete(atVendor) }
        try await check(later)
        let known = others.union([id, later])
        for subscription in subscriptions {
            let requests = subscription.endpoint.requests.value
            #expect(Set(requests.compactMap { $0.json["data"]?["id"]?.string }) == known)
            #expect(Set(requests.map(\.id)).count == 2 * known.count)
            let deliveries = try await gateway.get("/v1/deliveries?limit=200&subscription=\(subscription.id)").data
            #expect(deliveries.count == 2 * known.count)
        }
        // What was begun before is gone on with, or gone.
        try await asking("no part of a file") {
            let scene = KillScene(gateway: gateway, simulator: simulator, subscriptions: [])
            return scene.largestPart == 0 ? () : nil
        }
    }

    private static func files(_ export: JSONValue) -> [JSONValue] {
        (export["files"]?.array ?? []) + [export["zip_file"] ?? .null].filter { $0 != .null }
    }
}

extension WebhookRequest {
    /// Of the event that it tells.
    var type: String { json["type"]?.string ?? "" }
}
