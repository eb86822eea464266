import CausewayCore
import Foundation
import HTTPTypes
import OutboundHTTP
import Synchronization

/// The whole way of a file: send it, find it again where the answer was lost, wait for its end.
final class ImportSending: Sendable {
    private let file: ImportedFile
    private let path: String
    private let isForced: Bool
    private let charset: String?
    private let progress: CommandProgress
    private let state = Mutex(State.sending)

    private enum State {
        case sending
        /// All of it went out and no answer came.
        case unknown
        case made(id: String)
    }

    init(file: ImportedFile, path: String, isForced: Bool, charset: String?, progress: CommandProgress) {
        self.file = file
        self.path = path
        self.isForced = isForced
        self.charset = charset
        self.progress = progress
    }

    /// The import once it stands still, whatever became of it. Throws `CommandFailure`, `GatewayRefusal`, `OutboundError`.
    func run(_ client: GatewayClient) async throws -> JSONValue {
        let made = try await sent(client)
        guard let id = made["id"]?.string else {
            throw CommandFailure("\(client.address) answers, but not as a Causeway gateway does. Is --url right?")
        }
        state.withLock { $0 = .made(id: id) }
        return try await ended(made, id, client)
    }

    /// For whoever has pressed Ctrl-C.
    func wordsOfInterruption(_ address: String) -> String {
        switch state.withLock(\.self) {
        case .sending: "Stopped. Nothing was kept; the same command sends the file again."
        case .unknown:
            """
            Stopped. All of the file went out and no answer came: the import may exist. GET \(address)/v1/imports lists it \
            (SHA-256 \(file.sha256)).
            """
        case .made(let id): "Stopped. The import goes on: GET \(address)/v1/imports/\(id)?wait=60 follows it."
        }
    }

    // MARK: Sending

    private func sent(_ client: GatewayClient) async throws -> JSONValue {
        var patience = client.patience
        let known = await known(client)
        while true {
            do {
                state.withLock { $0 = .sending }
                return try await send(client)
            } catch let error as OutboundError where !Task.isCancelled {
                // A body that was cut off is never accepted.
                if error.requestMayHaveReachedPeer, file.isAllSent {
                    if let found = try await found(beside: known, client) { return found }
                }
                try await patience.wait(after: error)
            } catch let error as GatewayRefusal where error.isSomebodyElses && file.isAllSent && !Task.isCancelled {
                // A proxy's word: the gateway behind it may have taken the file.
                if let found = try await found(beside: known, client) { return found }
                try await patience.wait(after: error)
            } catch let error where !Task.isCancelled {
                try await patience.wait(after: error)
            }
        }
    }

    private func send(_ client: GatewayClient) async throws -> JSONValue {
        progress.moving(file.name, kept: 0, total: file.size)
        let type = charset.map { "text/csv; charset=\(GatewayClient.segment($0))" } ?? "text/csv"
        let encoded = GatewayClient.segment(file.name)
        let response = try await client.upload(
            path,
            headers: [.contentType: type, .contentDisposition: "attachment; filename*=UTF-8''\(encoded)"],
            file.body { [progress] in progress.moved($0) })
        progress.waiting("waiting for the gateway")
        let json = (try? JSONValue(parsing: Data(response.body))) ?? .null
        if response.status.kind == .successful || json["id"]?.string?.hasPrefix("imp_") == true { return json }
        throw GatewayRefusal(status: response.status.code, problem: json)
    }

    // MARK: Finding it again

    private var listing: String {
        let object = path.split(separator: "/").last?.prefix { $0 != "?" } ?? ""
        return "/v1/imports?object=\(object)&limit=200"
    }

    /// The newest imports before this one, so that none of them is taken for it.
    private func known(_ client: GatewayClient) async -> Set<String> {
        let page = try? await client.get(listing)
        return Set((page?["data"]?.array ?? []).compactMap { $0["id"]?.string })
    }

    /// The import of these bytes that was made since; nil where there is none after a while, for the gateway may still be
    /// at it. Throws `CommandFailure` where it must not be sent again.
    private func found(beside known: Set<String>, _ client: GatewayClient) async throws -> JSONValue? {
        state.withLock { $0 = .unknown }
        progress.tell("All of \(file.name) went out and no answer came: the import may exist. Looking for it.")
        var patience = client.patience
        for attempt in 0..<6 {
            if attempt > 0 { try await Task.sleep(for: .seconds(1 << min(attempt - 1, 2))) }
            do {
                let page = try await client.get(listing)
                let found = page["data"]?.array?.first { candidate in
                    candidate["sha256"]?.string == file.sha256
                        && !(candidate["id"]?.string.map(known.contains) ?? true)
                }
                if let found { return found }
            } catch let error where !Task.isCancelled {
                try await patience.wait(after: error)
            }
        }
        guard !isForced else {
            throw CommandFailure(
                """
                No import of \(file.name) (SHA-256 \(file.sha256)) is on record. It is not sent again by itself: with \
                --force nothing would keep it from counting twice. Look at GET \(client.address)/v1/imports in a minute.
                """)
        }
        return nil
    }

    // MARK: Waiting

    private func ended(_ made: JSONValue, _ id: String, _ client: GatewayClient) async throws -> JSONValue {
        var shown = made
        var patience = client.patience
        while shown["state"]?.string == "forwarding" {
            let rows = shown["rows"]
            progress.waiting(
                "\(id): \(rows?["forwarded"]?.integer ?? 0) of \(rows?["valid"]?.integer ?? 0) rows forwarded")
            do {
                shown = try await client.get("/v1/imports/\(id)?wait=10", patience: .seconds(40))
                patience.renew()
            } catch let error where !Task.isCancelled {
                try await patience.wait(after: error)
            }
        }
        return shown
    }
}
