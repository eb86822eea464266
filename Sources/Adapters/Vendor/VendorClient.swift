public import CausewayCore
import HTTPTypes
public import Logging
public import OutboundHTTP
import Telemetry

/// The vendor's API, one method for each call. Every call waits for its share of the requests a minute, carries the
/// keys, and leaves one log line. All methods throw `VendorError`, or `CancellationError` where nothing was sent.
public struct VendorClient: Sendable {
    public let settings: VendorSettings
    public let meters = VendorMeters()
    let http: OutboundHTTPClient
    let budget: RequestBudget
    let time: any TimeSource
    let logger: Logger
    let downloadEgress: EgressPolicy

    /// - Parameter budget: shared by all clients of the same vendor in this process.
    public init(
        settings: VendorSettings, http: OutboundHTTPClient, time: any TimeSource, logger: Logger,
        budget: RequestBudget? = nil
    ) {
        self.settings = settings
        self.http = http
        self.time = time
        self.logger = logger
        self.budget = budget ?? RequestBudget(perMinute: settings.requestsPerMinute, time: time)
        downloadEgress = EgressPolicy(allowing: settings.allowedNetworks)
    }

    /// Waits for a share of the requests a minute, for a call that is then told `hasTurn`: so that what is written down
    /// before the call goes out is written only when it does. Throws `CancellationError`.
    public func waitForTurn() async throws {
        try await takeTurn(.urgent)
    }

    private func takeTurn(_ priority: RequestBudget.Priority) async throws {
        let start = ContinuousClock.now
        try await budget.take(priority)
        meters.noteWait(priority, .now - start)
    }

    /// Makes a call and reads its envelope.
    func perform(_ call: VendorCall, hasTurn: Bool = false) async throws -> VendorEnvelope {
        if !hasTurn { try await takeTurn(call.priority) }
        let start = time.now()
        var metadata: Logger.Metadata = ["method": "\(call.method)", "path": "\(call.path)"]
        do {
            let response = try await http.send(request(call))
            let reply = VendorReply(
                status: response.status.code, retryAfter: response.headers[.retryAfter], body: response.body)
            metadata["status"] = "\(reply.status)"
            metadata["duration_ms"] = "\(time.now().since(start).wholeMilliseconds)"
            meters.calls.add([call.route, String(reply.status)])
            let envelope = try reply.envelope(effect: call.effect, settings: settings, now: time.now())
            logger.info("vendor call", metadata: metadata)
            return envelope
        } catch let error as VendorError {
            metadata["error"] = "\(error.message)"
            logger.log(level: error.cause == .unauthorized ? .error : .warning, "vendor call", metadata: metadata)
            throw error
        } catch let error as OutboundError {
            meters.calls.add([call.route, "none"])
            let error = VendorError(error, effect: call.effect, method: "\(call.method)", path: call.path)
            metadata["duration_ms"] = "\(time.now().since(start).wholeMilliseconds)"
            metadata["error"] = "\(error.message)"
            if let status = error.status { metadata["status"] = "\(status)" }
            logger.warning("vendor call", metadata: metadata)
            throw error
        }
    }

    private func request(_ call: VendorCall) -> OutboundRequest {
        var request = OutboundRequest(
            call.method, settings.baseURL + call.path, headers: [.accept: "application/json"],
            credentials: .init(user: Secret(settings.publicKey), password: settings.secretKey),
            timeouts: .init(connect: settings.connectTimeout, total: settings.callTimeout),
            connection: call.effect == .once ? .fresh : .reusable,
            // The operator named this address; links to others come from the vendor and go by another policy.
            egress: .unrestricted, answer: .whole(upTo: settings.maximumAnswer))
        switch call.body {
        case .none: break
        case .json(let value):
            request.headers[.contentType] = "application/json"
            request.body = .text(value.text)
        case .form(let form):
            request.body = .multipart(form)
            request.timeouts = .init(
                connect: settings.connectTimeout, total: settings.importTimeout, stall: settings.stallTimeout)
        }
        return request
    }
}

extension VendorError {
    init(_ error: OutboundError, effect: VendorCall.Effect, method: String, path: String) {
        let stage = error.stage.rawValue
        let words = "no whole answer to \(method) \(path): \(error.kind.name) at \(stage): \(error.words)"
        let action: Action =
            effect == .once && error.requestMayHaveReachedPeer
            ? .unknownOutcome(stage: stage, words: words) : .retry(after: nil)
        self.init(
            cause: .noAnswer(stage: stage), action: action, status: error.head?.status.code, message: words)
    }
}
