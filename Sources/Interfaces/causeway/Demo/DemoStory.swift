import CausewayCore
import Fanout
import Foundation

/// What a team would do, in order; each step is checked before the next one, and the first that does not come true is
/// thrown as `DemoFailure`.
struct DemoStory: Sendable {
    let stage: DemoStage
    let terminal: DemoTerminal

    func tell() async throws {
        try await subscribe()
        let export = try await askForExport()
        try await seeCompletionArrive(of: export)
        try await fetchFile(of: export)
        try await uploadWithMistakes()
        try await uploadMended()
    }

    // MARK: Exports

    private func subscribe() async throws {
        terminal.open("Two teams say that they want to know")
        terminal.faint("$KEY is a key of the gateway, $GATEWAY and $VENDOR are the addresses above")
        for (subscriber, url) in stage.subscribers {
            // Short waits, so that nobody has to sit through the usual ones (5s, 30s, 2m, …).
            let schedule = subscriber.name == "crm" ? #","retry_schedule":"300ms,600ms,1s""# : ""
            let wanted = #"{"url":"\#(url)","events":["export.completed","import.completed"]\#(schedule)}"#
            let answer = try await curl(
                #"curl -u ":$KEY" $GATEWAY/v1/subscriptions --json '\#(wanted)'"#, expecting: 201,
                showing: ["id", "secret"])
            guard let text = answer.json["secret"]?.string, let secret = SigningSecret(parsing: text) else {
                throw DemoFailure("the subscription of \(subscriber.name) came without a signing secret")
            }
            subscriber.use(secret)
        }
    }

    private func askForExport() async throws -> JSONValue {
        terminal.open("One call asks for an export; the vendor takes its time (2 s here, up to 30 minutes there)")
        let asked = try await curl(
            #"curl -u ":$KEY" $GATEWAY/v1/exports --json '{"report":"vrc_123456"}'"#, expecting: 202,
            showing: ["id", "status", "report"])
        guard let id = asked.json["id"]?.string else { throw DemoFailure("the export came without an id") }
        let ended = try await curl(
            #"curl -u ":$KEY" "$GATEWAY/v1/exports/\#(id)?wait=60""#, expecting: 200,
            showing: ["status", "seen_by"], waitingFor: "the export")
        guard ended.json["status"]?.string == "success" else {
            throw DemoFailure(
                "the export ended as \(ended.json["status"]?.text ?? "?"): \(ended.json["error"]?.text ?? "")")
        }
        return ended.json
    }

    private func seeCompletionArrive(of export: JSONValue) async throws {
        terminal.open("Its completion arrives at both, signed; crm fails twice and gets it again")
        let event = try await arrival(of: "export.completed", about: export)
        terminal.good("one event, one id, whichever attempt it was")
        try await showAttempts(event: event)
    }

    /// Waits until both subscribers have taken the event, verified; gives its id.
    func arrival(of type: String, about resource: JSONValue) async throws -> String {
        let names = Set(stage.subscribers.map(\.subscriber.name))
        let arrivals = stage.arrivals
        let identifiers = try await terminal.waiting(for: "both subscribers") {
            try await within(.seconds(30)) { [terminal] in
                var (taken, identifiers): (Set<String>, Set<String>) = ([], [])
                for await arrival in arrivals {
                    terminal.line("  \(arrival.text)")
                    guard arrival.forgery == nil else {
                        throw DemoFailure("\(arrival.subscriber) got a webhook that it cannot verify")
                    }
                    guard arrival.event["type"]?.string == type, arrival.event["data"]?["id"] == resource["id"] else {
                        throw DemoFailure("\(arrival.subscriber) got another event: \(arrival.event.text)")
                    }
                    identifiers.insert(arrival.webhookID)
                    if arrival.status == 204 { taken.insert(arrival.subscriber) }
                    if taken == names { return identifiers }
                }
                return nil
            }
        }
        guard let identifiers else { throw DemoFailure("not both subscribers have taken \(type) within 30 s") }
        guard identifiers.count == 1, let identifier = identifiers.first else {
            throw DemoFailure("one event came under several ids: \(identifiers.sorted().joined(separator: ", "))")
        }
        return identifier
    }

    private func showAttempts(event: String) async throws {
        let list = #"curl -u ":$KEY" "$GATEWAY/v1/deliveries?event=\#(event)""#
        // The last attempt is written down when its answer has been read, a moment after the subscriber has given it.
        let deliveries = try await within(.seconds(10)) { [stage] in
            while true {
                let data = try await stage.shell.run(list).json["data"]?.array ?? []
                let delivered = data.filter { $0["state"]?.string == "delivered" }
                if delivered.count == stage.subscribers.count { return delivered }
                try await Task.sleep(for: .milliseconds(50))
            }
        }
        let longest = deliveries?.max { ($0["attempt_count"]?.integer ?? 0) < ($1["attempt_count"]?.integer ?? 0) }
        guard let id = longest?["id"]?.string else {
            throw DemoFailure("the deliveries of \(event) are not on record as delivered")
        }
        let delivery = try await curl(
            #"curl -u ":$KEY" $GATEWAY/v1/deliveries/\#(id)"#, expecting: 200, showing: ["state", "event_type"])
        let attempts = delivery.json["attempts"]?.array ?? []
        for attempt in attempts {
            terminal.faint(
                "  attempt \(attempt["number"]?.text ?? "?")  \(attempt["started_at"]?.string ?? "?")  "
                    + "answered \(attempt["status_code"]?.text ?? "?") after \(attempt["duration_ms"]?.text ?? "?") ms")
        }
        let statuses = attempts.compactMap { $0["status_code"]?.integer }
        guard statuses == Array(repeating: 503, count: DemoStage.failures) + [204] else {
            throw DemoFailure("crm's attempts on record are \(statuses) instead of 503, 503, 204")
        }
        terminal.good("every attempt is on record")
    }

    private func fetchFile(of export: JSONValue) async throws {
        terminal.open("The file, through the gateway: nobody needs the vendor's keys")
        guard let file = export["files"]?.array?.first, let url = file["url"]?.string,
            let path = url.hasPrefix(stage.gateway) ? url.dropFirst(stage.gateway.count) : nil
        else { throw DemoFailure("the export shows no file: \(export["files"]?.text ?? "")") }
        try await curl(#"curl -u ":$KEY" -o report.csv $GATEWAY\#(path)"#, expecting: 200)
        let bytes = try stage.directory.read("report.csv")
        let head = bytes.split(separator: 10, maxSplits: 3).prefix(3).map { String(decoding: $0, as: UTF8.self) }
        guard head.count == 3, head[0].hasPrefix("partner_key,") else {
            throw DemoFailure("what came is no report: \(head.first ?? "nothing")")
        }
        let show = "head -n 3 report.csv | cut -c 1-90"
        terminal.command(show)
        terminal.text(try await stage.shell.run(show).body)
        terminal.good("report.csv has \(bytes.count) bytes")
    }

    // MARK: Showing

    /// Shows a line, runs it, and shows its answer, cut to some members.
    @discardableResult
    func curl(
        _ line: String, expecting status: Int, showing members: [String] = [], waitingFor what: String? = nil
    ) async throws -> DemoShell.Answer {
        terminal.command(line)
        let answer =
            if let what {
                try await terminal.waiting(for: what) { try await stage.shell.run(line) }
            } else {
                try await stage.shell.run(line)
            }
        guard answer.status == status else {
            throw DemoFailure(
                "`\(line)` was answered \(answer.status.map(String.init) ?? "without a status") instead of \(status):\n  "
                    + answer.body.prefix(1000))
        }
        if !members.isEmpty { terminal.line("  \(status) \(excerpt(answer.json, members))") }
        return answer
    }

    /// `{"id":"exp_…","status":"queued",…}`
    private func excerpt(_ json: JSONValue, _ members: [String]) -> String {
        let shown = members.map { name in "\"\(name)\":\(json[name]?.text ?? "null")" }
        return "{\(shown.joined(separator: ","))\((json.object?.count ?? 0) > members.count ? ",…" : "")}"
    }
}
