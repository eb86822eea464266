import CausewayCore
import Foundation
import Support
import Testing

@Suite("Two gateways while their PostgreSQL is in trouble", .serialized)
struct DatabaseTroubleTests {
    enum Trouble: String, CaseIterable, CustomTestStringConvertible {
        case backends = "whose sessions are ended again and again"
        case restart = "that is restarted"
        case crash = "that crashes and comes back"

        var testDescription: String { rawValue }
    }

    @Test(
        "What was accepted ends once and is told once", .timeLimit(.minutes(9)), arguments: Trouble.allCases)
    func goesOn(_ trouble: Trouble) async throws {
        let simulator = ["--more-reports", "60", "--limit-per-member", "100", "--export-duration", "300ms"]
        try await Pair.run(simulator: simulator, settings: ["CAUSEWAY_VENDOR_LIMITS_PER_MEMBER": "100"]) { pair in
            let teams = [try await pair.subscribe("one"), try await pair.subscribe("other", through: 1)]
            let work = Load(pair: pair, exports: 40, imports: 20)
            async let accepted = work.run()
            for _ in 0..<(trouble == .backends ? 12 : 2) {
                switch trouble {
                case .backends: try await pair.cluster.terminateBackends()
                case .restart: try await pair.cluster.restart(.fast)
                case .crash: try await pair.cluster.restart(.immediate)
                }
            }
            let (exports, imports) = try await accepted
            #expect(exports.count == 40)
            #expect(imports.count == 20)
            for id in exports {
                try await asking("the end of \(id)", within: patience * 2) {
                    try await pair.gateways[0].get("/v1/exports/\(id)")["status"] == "success" ? () : nil
                }
            }
            for id in imports {
                try await asking("the end of \(id)", within: patience * 2) {
                    try await pair.gateways[1].get("/v1/imports/\(id)")["state"] == "completed" ? () : nil
                }
            }
            // One export a report at the vendor, one forwarding a file.
            #expect(try await pair.simulator.exports(40).count == 40)
            #expect(try await pair.imported(20) == work.sent(20))
            for team in teams {
                let events = try await team.endpoint.requests.first("60 events", within: patience * 2) { requests in
                    let ids = Set(requests.map(\.id))
                    return ids.count == 60 ? ids : nil
                }
                team.expect(events: events)
                // Sent again only where what came of it could not be written in time.
                #expect(team.endpoint.requests.value.count < 90)
            }
            #expect(try await pair.gateways[0].get("/v1/deliveries?limit=200").data.count == 120)
        }
    }

    /// Callers at both gateways who repeat, with the same key, what was not accepted.
    struct Load {
        let pair: Pair
        let exports: Int
        let imports: Int

        /// What was accepted.
        func run() async throws -> (exports: Set<String>, imports: Set<String>) {
            try await withThrowingTaskGroup(of: (isImport: Bool, id: String).self) { group in
                for number in 0..<max(exports, imports) {
                    let gateway = pair.gateways[number % 2]
                    if number < exports { group.addTask { (false, try await export(number, gateway)) } }
                    if number < imports { group.addTask { (true, try await upload(number, gateway)) } }
                }
                var ids = (exports: Set<String>(), imports: Set<String>())
                for try await (isImport, id) in group {
                    if isImport { ids.imports.insert(id) } else { ids.exports.insert(id) }
                }
                return ids
            }
        }

        private func export(_ number: Int, _ gateway: GatewayProcess) async throws -> String {
            try await asking("an accepted export", within: patience * 2) {
                let answer = try await gateway.curl(
                    ["-H", "Idempotency-Key: export-\(number)"]
                        + Curl.json(["report": .string("vrc_\(200_001 + number)")]), "/v1/exports")
                if answer.status == 202 { return answer["id"]?.string }
                #expect(answer.status == 503 || answer.status == 409, "\(answer.text)")
                return nil
            }
        }

        private func upload(_ number: Int, _ gateway: GatewayProcess) async throws -> String {
            let path = pair.directory.file("customers-\(number).csv")
            try Self.file(number).write(toFile: path, atomically: true, encoding: .utf8)
            return try await asking("an accepted import", within: patience * 2) {
                let answer = try await gateway.curl(["-T", path], "/v1/imports/customers")
                if answer.status == 202 { return answer["id"]?.string }
                // The first try was taken, only its answer was lost.
                if answer.status == 409, let id = answer.text.firstMatch(of: /imp_[0-9a-z]+/) { return String(id.0) }
                #expect(answer.status == 503, "\(answer.text)")
                return nil
            }
        }

        static func file(_ number: Int) -> String { "email,name\nc\(number)@example.com,C\n" }

        /// Each file once.
        func sent(_ count: Int) -> [String: Int] {
            Dictionary(uniqueKeysWithValues: (0..<count).map { (Digest.sha256Hex(Self.file($0)), 1) })
        }
    }
}
