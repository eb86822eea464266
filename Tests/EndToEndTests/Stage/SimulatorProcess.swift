import CausewayCore
import Foundation
import Glibc

/// `causeway simulate` on a free port.
struct SimulatorProcess: Sendable {
    let url: String
    private let child: ChildProcess

    /// - Parameter port: 0 takes a free one.
    static func start(_ arguments: [String], port: Int = 0, in directory: String) async throws -> SimulatorProcess {
        let child = try ChildProcess(
            ["simulate", "--listen", "127.0.0.1:\(port)"] + arguments, environment: [:], in: directory)
        do {
            let url = try await child.line("the simulator's address") { line in
                line.range(of: "listens on ").map { String(line[$0.upperBound...]) }
            }
            return SimulatorProcess(url: url, child: child)
        } catch {
            child.signal(SIGKILL)
            throw error
        }
    }

    var story: String { child.text }

    func end() { child.signal(SIGKILL) }

    // MARK: Its control surface

    func get(_ path: String) async throws -> Curl { try await Curl.run([url + path]) }

    func post(_ path: String, _ body: JSONValue = [:]) async throws -> Curl {
        try await Curl.run(Curl.json(body) + [url + path])
    }

    func set(_ fault: JSONValue) async throws {
        let answer = try await post("/simulator/faults", fault)
        guard answer.status == 201 else { throw NeverHappened(what: "the fault \(fault.text): \(answer.text)") }
    }

    func clearFaults() async throws { _ = try await Curl.run(["-X", "DELETE", url + "/simulator/faults"]) }

    /// The vendor's exports, once there are as many.
    func exports(_ count: Int) async throws -> [JSONValue] {
        let answer = try await get("/simulator/exports?wait=60&count=\(count)")
        guard answer.status == 200 else { throw NeverHappened(what: "\(count) exports at the vendor\n\(story)") }
        return answer.data
    }

    func complete(_ export: JSONValue) async throws {
        let answer = try await post("/simulator/exports/\(export["key"]?.string ?? "")/complete")
        guard answer.status == 200 else { throw NeverHappened(what: "the export's end: \(answer.text)") }
    }

    /// Once a route was called as often.
    func requests(_ route: String, _ count: Int) async throws {
        let answer = try await get("/simulator/requests?route=\(route)&wait=60&count=\(count)")
        guard answer.status == 200 else { throw NeverHappened(what: "\(count) requests of \(route)\n\(story)") }
    }

    /// Webhooks that have reached the gateway, once there are as many.
    func webhooks(delivered count: Int) async throws -> [JSONValue] {
        let answer = try await get("/simulator/webhooks?state=delivered&wait=60&count=\(count)")
        guard answer.status == 200 else { throw NeverHappened(what: "\(count) webhooks delivered\n\(story)") }
        return answer.data
    }
}
