import CausewayCore
import Foundation

/// The whole way: ask, wait, download, check, put in place.
struct ExportFetch: Sendable {
    let wish: ExportWish
    let target: ExportTarget
    let shape: ExportShape
    let progress: CommandProgress

    /// Returns the resource as it was when the files were fetched.
    func run(_ client: GatewayClient) async throws -> JSONValue {
        if case .directory(let path) = target { try Self.makeDirectory(path) }
        var ticket = ExportTicket(path: target.ticketPath(wish.report), address: client.address, wish: wish)
        let export = try await ExportWait(client: client, wish: wish, progress: progress).success(&ticket)
        switch target {
        case .standardOutput:
            let source = try shape.source(of: export, for: nil)
            try await ExportDownload(client: client, source: source, progress: progress)
                .fetch(into: PartFile(), etag: nil) { _ in }
        case .file(let path):
            try await fetch(try shape.source(of: export, for: path), to: path, client, &ticket)
        case .directory(let directory):
            for source in try ExportShape.parts(of: export) {
                let path = "\(directory)/\(source.name)"
                if try Self.isThere(source, at: path) { continue }
                try await fetch(source, to: path, client, &ticket)
            }
        }
        ticket.remove()
        return export
    }

    private func fetch(
        _ source: ExportDownload.Source, to path: String, _ client: GatewayClient, _ ticket: inout ExportTicket
    ) async throws {
        let part = try PartFile(path: path + ".part")
        try await ExportDownload(client: client, source: source, progress: progress)
            .fetch(into: part, etag: ticket.etags[source.path]) { etag in
                guard ticket.etags[source.path] != etag else { return }
                ticket.etags[source.path] = etag
                try ticket.save()
            }
        try part.finish(as: path)
    }

    /// What an earlier run has finished is not fetched again.
    private static func isThere(_ source: ExportDownload.Source, at path: String) throws -> Bool {
        guard let sha256 = source.sha256, FileManager.default.fileExists(atPath: path) else { return false }
        return try PartFile(path: path).sha256 == sha256
    }

    private static func makeDirectory(_ path: String) throws {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw CommandFailure("\(path) cannot be made: \(error.localizedDescription)")
        }
    }
}
