import HTTPTypes
import Hummingbird
public import Telemetry

/// What this process has answered, for metrics.
public struct RequestMeters: Sendable {
    let requests = CounterTable(
        "causeway_http_requests_total", "Requests answered, by route and HTTP status.",
        labels: ["method", "route", "status"])
    let seconds = HistogramTable(
        "causeway_http_request_duration_seconds",
        "From a request's head to its answer's head; those that ask to wait are left out.", labels: ["method", "route"])

    public init() {}

    public func write(to metrics: inout MetricText) {
        requests.write(to: &metrics)
        seconds.write(to: &metrics)
    }
}

/// Counts answers under their route's template, so that there are no more labels than routes.
struct RequestMeter: RouterMiddleware {
    let meters: RequestMeters

    private static let methods: Set<String> = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

    @concurrent func handle(
        _ request: Request, context: APIContext, next: @concurrent (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        let start = ContinuousClock.now
        let response = try await next(request, context)
        let method = Self.methods.contains(request.method.rawValue) ? request.method.rawValue : "other"
        let route = context.endpointPath ?? "none"
        meters.requests.add([method, route, String(response.status.code)])
        if request.uri.queryParameters["wait"] == nil { meters.seconds.observe([method, route], .now - start) }
        return response
    }
}
