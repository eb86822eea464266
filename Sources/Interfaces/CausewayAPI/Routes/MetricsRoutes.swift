import CausewayCore
import HTTPTypes
import Hummingbird
import NIOCore
import Telemetry

/// `/metrics`
struct MetricsRoutes {
    /// Nil leaves it open to whoever reaches the gateway.
    let key: Secret?
    let text: @Sendable () async -> String

    func add(to routes: Routes) {
        routes.get("/metrics") { request, _ in
            if let key {
                guard let given = Authentication.key(in: request.headers[.authorization]), key.matches(given) else {
                    throw Authentication.unauthorized("Send metrics.key as a Bearer token, or as Basic's password.")
                }
            }
            var headers: HTTPFields = [.contentType: MetricText.contentType, .xContentTypeOptions: "nosniff"]
            headers[.cacheControl] = "no-store"
            return Response(
                status: .ok, headers: headers, body: .init(byteBuffer: ByteBuffer(string: await text())))
        }
    }
}
