import CausewayCore
import Exports
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

/// `/hooks`: the vendor's way in. The token in the path is the key; a body is a hint, whatever it says.
struct HookRoutes {
    let hooks: ExportHooks

    func add(to routes: Routes) {
        routes.post("/hooks/exports/{token}") { request, context in
            let token = try context.parameters.require("token")
            return try await answer(hooks.exportHint(token: token, body: try await body(of: request)))
        }
        routes.post("/hooks/events/{token}") { request, context in
            let token = try context.parameters.require("token")
            return try await answer(hooks.eventHint(token: token, body: try await body(of: request)))
        }
    }

    private func answer(_ isKnown: Bool) throws -> Response {
        guard isKnown else {
            throw Problem(.notFound, code: "not_found", detail: "Nobody here has this token.")
        }
        return Response(status: .noContent)
    }

    /// At most what a hint may have; the rest of a longer one is not read. A body that breaks off is a hint as well.
    private func body(of request: Request) async throws -> Data {
        var data = Data()
        do {
            for try await chunk in request.body {
                data.append(contentsOf: chunk.readableBytesView.prefix(ExportHooks.maximumBody - data.count))
                if data.count == ExportHooks.maximumBody { break }
            }
        } catch {
            if error is CancellationError { throw error }
        }
        return data
    }
}
