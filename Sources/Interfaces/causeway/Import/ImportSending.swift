import CausewayCore
import Foundation
import OutboundHTTP
import Synchronization

/// The whole way of a file: send it, go on with it where it broke off, wait for the import's end.
final class ImportSending: Sendable {
    private let file: ImportedFile
    private let query: String
    private let charset: String?
    private let progress: CommandProgress
    private let state = Mutex(State())

    private struct State {
        var sha256 = ""
        var upload: GatewayUpload?
        var id: String?
    }

    /// - Parameter query: of the upload.
    init(file: ImportedFile, query: String, charset: String?, progress: CommandProgress) {
        self.file = file
        self.query = query
        self.charset = charset
        self.progress = progress
    }

    /// The import once it stands still, or as it was taken where this key may not look at it, and its report. Throws
    /// `CommandFailure`, `GatewayRefusal`, `OutboundError`.
    func run(_ client: GatewayClient) async throws -> (JSONValue, report: String) {
        progress.moving("reading \(file.shownName)", kept: 0, total: file.size)
        let sha256 = try file.hash { progress.moved($0) }
        state.withLock { $0.sha256 = Digest.hex(sha256) }
        let (made, upload) = try await sent(sha256, client)
        let id = made["id"]?.string ?? ""
        state.withLock { $0.id = id }
        do {
            let ended = try await ended(made, id, client)
            return (ended, try await client.patiently { try await client.text("/v1/imports/\(id)") })
        } catch let refusal as GatewayRefusal where refusal.status == 403 {
            progress.tell(
                """
                This key may not look at imports (scope imports:read). The import is \(id), \
                \(made["state"]?.string ?? "taken"); what becomes of it is not waited for.
                """)
            return (made, try await client.patiently { try await upload.report(client) })
        }
    }

    /// For whoever has pressed Ctrl-C, after a look whether anything is left at the gateway.
    func afterInterruption(_ client: GatewayClient) async -> String {
        let (upload, id) = state.withLock { ($0.upload, $0.id) }
        if let id { return "Stopped. The import goes on: GET \(client.address)/v1/imports/\(id)?wait=60 follows it." }
        guard let upload else { return "Stopped. Nothing was sent." }
        if file.isAllSent, (try? await upload.offset(client, within: .seconds(5))) ?? file.size == file.size {
            return "Stopped. \(wordsOfDoubt(client))"
        }
        try? await client.delete(upload.path)
        return "Stopped. Nothing was imported; the same command sends the file again."
    }

    /// Where all of it went out and no answer came.
    private func wordsOfDoubt(_ client: GatewayClient) -> String {
        """
        All of \(file.shownName) went out and no answer came: the import may exist. GET \(client.address)/v1/imports lists \
        it (SHA-256 \(state.withLock(\.sha256))).
        """
    }

    // MARK: Sending

    private func sent(_ sha256: [UInt8], _ client: GatewayClient) async throws -> (JSONValue, GatewayUpload) {
        let upload = try await client.patiently {
            // One whose answer is lost stays empty, and nothing comes of it.
            try await GatewayUpload.begin(file, query: query, sha256: sha256, charset: charset, client)
        }
        state.withLock { $0.upload = upload }
        var patience = client.patience
        var isBroken = false
        var reached: Int64 = 0
        while true {
            do {
                let offset = isBroken ? try await upload.offset(client) : 0
                if isBroken { progress.tell("\(file.shownName): \(offset) of \(file.size) bytes are there; going on.") }
                if offset > reached { patience.renew() }
                reached = max(reached, offset)
                return (try await finish(upload, at: offset, client), upload)
            } catch let error where !Task.isCancelled {
                isBroken = true
                progress.waiting("waiting for the gateway")
                do {
                    try await patience.wait(after: error)
                } catch let failure as CommandFailure where file.isAllSent {
                    throw CommandFailure("\(failure) \(wordsOfDoubt(client))")
                }
            }
        }
    }

    private func finish(_ upload: GatewayUpload, at offset: Int64, _ client: GatewayClient) async throws -> JSONValue {
        progress.moving(file.shownName, kept: offset, total: file.size)
        let body = file.body(from: offset) { [self] count in
            progress.moved(count)
            if file.isAllSent { progress.waiting("waiting for the gateway's check") }
        }
        return try await upload.finish(at: offset, body, client)
    }

    // MARK: Waiting

    private func ended(_ made: JSONValue, _ id: String, _ client: GatewayClient) async throws -> JSONValue {
        var shown = made
        while shown["state"]?.string == "forwarding" {
            let rows = shown["rows"]
            progress.waiting(
                "\(id): \(rows?["forwarded"]?.integer ?? 0) of \(rows?["valid"]?.integer ?? 0) rows forwarded")
            shown = try await client.patiently {
                try await client.get("/v1/imports/\(id)?wait=10", patience: .seconds(40))
            }
        }
        return shown
    }
}
