import CausewayCore
import Foundation

/// Asks for an export and waits for its end, over restarts of the gateway.
struct ExportWait: Sendable {
    let client: GatewayClient
    let wish: ExportWish
    let progress: CommandProgress

    /// The resource of the success. Throws `CommandFailure` where it has ended otherwise.
    func success(_ ticket: inout ExportTicket) async throws -> JSONValue {
        var export = try await begun(&ticket)
        var patience = client.patience
        while true {
            let status = export["status"]?.string ?? ""
            switch status {
            case "success": return export
            case _ where Self.isVain(export):
                // The next run asks anew.
                ticket.remove()
                throw CommandFailure(Self.words(status, export))
            default: progress.waiting(Self.progressWords(export))
            }
            do {
                export = try await next(export, status)
                patience.renew()
            } catch let error where !Task.isCancelled {
                try await patience.wait(after: error)
            }
        }
    }

    /// The export of an earlier run of the same command, or one asked for now.
    private func begun(_ ticket: inout ExportTicket) async throws -> JSONValue {
        var patience = client.patience
        while true {
            do {
                if let id = ticket.export {
                    let found = try await look(id)
                    if let found, !Self.isVain(found) { return found }
                    try ticket.renew()
                }
                try ticket.save()
                let export = try await client.post("/v1/exports", wish.body, idempotencyKey: ticket.idempotencyKey)
                guard let id = export["id"]?.string else {
                    throw CommandFailure("\(client.address) answers, but not as a Causeway gateway does.")
                }
                ticket.export = id
                try ticket.save()
                // An answer that is given again shows how it stood then.
                return try await look(id) ?? export
            } catch let error as GatewayRefusal where !error.mayPass {
                ticket.remove()
                throw error
            } catch let error where !Task.isCancelled {
                try await patience.wait(after: error)
            }
        }
    }

    /// Nil where the gateway knows it no more.
    private func look(_ id: String) async throws -> JSONValue? {
        do {
            return try await client.get("/v1/exports/\(id)")
        } catch let error as GatewayRefusal where error.status == 404 {
            return nil
        }
    }

    private func next(_ export: JSONValue, _ status: String) async throws -> JSONValue {
        let id = export["id"]?.string ?? ""
        if status == "deferred" {
            // A long poll does not wait for one that stands still.
            let opening = export["not_before"]?.string.flatMap { Timestamp(rfc3339: $0) }
            let left = opening?.since(SystemTimeSource().now()) ?? .seconds(10)
            try await Task.sleep(for: min(.seconds(30), max(.seconds(1), left + .milliseconds(200))))
            return try await client.get("/v1/exports/\(id)")
        }
        return try await client.get("/v1/exports/\(id)?wait=30", patience: .seconds(60))
    }

    private static func progressWords(_ export: JSONValue) -> String {
        let status = export["status"]?.string ?? ""
        let opening = status == "deferred" ? export["not_before"]?.string.map { " until \($0)" } : nil
        let error = status == "success" ? nil : export["error"]?["message"]?.string.map { ": \($0)" }
        return "\(export["id"]?.string ?? "") \(status)\(opening ?? "")\(error ?? "")"
    }

    private static func isVain(_ export: JSONValue) -> Bool {
        ["failure", "expired", "cancelled"].contains(export["status"]?.string)
    }

    private static func words(_ status: String, _ export: JSONValue) -> String {
        let id = export["id"]?.string ?? "The export"
        switch status {
        case "failure":
            let error = export["error"]
            let code = error?["code"]?.string ?? "no reason given"
            return "\(id) has failed: \(error?["message"]?.string ?? "") (\(code))"
        case "expired": return "\(id) has expired: the vendor's links are dead. Run the command again for a new one."
        default: return "\(id) was cancelled."
        }
    }
}
