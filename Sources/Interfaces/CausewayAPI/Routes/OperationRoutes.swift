import CAssets
import CausewayCore
import HTTPTypes
import Hummingbird
import NIOCore

/// `/healthz`, `/readyz`, `/openapi.yaml`
struct OperationRoutes {
    /// Nil where the service can do its work; otherwise why not.
    let unreadiness: @Sendable () async -> String?

    func add(to routes: Routes) {
        routes.get("/healthz") { _, _ in Answer.json(["status": "ok"]) }
        routes.get("/readyz") { _, _ in
            guard let reason = await unreadiness() else { return Answer.json(["status": "ready"]) }
            throw Problem(.serviceUnavailable, code: "not_ready", detail: reason)
        }
        routes.get("/openapi.yaml") { _, _ in
            Response(
                status: .ok, headers: [.contentType: "application/yaml; charset=utf-8"],
                body: .init(byteBuffer: Self.openAPI))
        }
    }

    private static let openAPI = ByteBuffer(bytes: Asset.openAPI)
}

/// Files that are part of the executable.
public enum Asset {
    /// `openapi/causeway.yaml`
    public static let openAPI: [UInt8] = {
        let bytes = unsafe UnsafeBufferPointer(
            start: causeway_openapi_yaml_start(), count: causeway_openapi_yaml_size)
        return unsafe Array(bytes)
    }()
}
