import Access
import CausewayCore
import HTTPTypes
import Hummingbird
import Logging
import Storage

/// Carries out what a caller asks to be changed: once for an `Idempotency-Key`, and with an audit row in the
/// transaction of the change itself.
struct ChangeRecorder: Sendable {
    let engine: any StorageEngine
    let time: any TimeSource
    private let audit = AuditLog()
    private let idempotency = IdempotencyLog()

    init(engine: any StorageEngine, time: any TimeSource) {
        self.engine = engine
        self.time = time
    }

    /// What a change came to: the answer, and what the audit log says of it.
    struct Outcome: Sendable {
        var status: HTTPResponse.Status
        /// Also what is kept for an `Idempotency-Key`, so without anything secret.
        var body: JSONValue?
        /// The whole answer, where it holds more than `body` does.
        var wholeBody: JSONValue?
        /// Sent instead of `body` to a caller who asked for plain text.
        var plainText: String?
        var location: String?
        var resource: String
        var detail: JSONValue = .null
        /// False where nothing was changed (an export that was there already).
        var isChange = true
    }

    /// - Parameters:
    ///   - bodyHash: of the request's body; nil where an `Idempotency-Key` is not honoured.
    ///   - outcome: what the changed resource means for the caller; called inside the transaction.
    ///   - completing: makes the whole answer again of the body that was kept.
    ///   - operation: is handed what it must call inside its transaction with the changed resource.
    func perform<Resource: Sendable>(
        _ action: String, _ request: Request, _ context: APIContext, bodyHash: String?,
        outcome: @escaping @Sendable (Resource) -> Outcome,
        completing: (JSONValue) async throws -> JSONValue = { $0 },
        _ operation: (@escaping @Sendable (Resource, any Transaction) throws -> Void) async throws -> Resource
    ) async throws -> Response {
        let caller = try context.requireCaller()
        let idempotent = try bodyHash.flatMap { try idempotentRequest(request, caller: caller, bodyHash: $0) }
        var mark: IdempotencyMark?
        if let idempotent {
            switch try await begin(idempotent, context) {
            case .carryOut(let own): mark = own
            case .answered(let answer): return try await Self.replay(answer, completing: completing)
            }
        }
        let ownMark = mark
        let requestID = context.requestID
        let remoteAddress = context.remoteAddress
        do {
            let resource = try await operation { [time, audit, idempotency] resource, transaction in
                let outcome = outcome(resource)
                let now = time.now()
                if outcome.isChange {
                    try audit.append(
                        AuditEntry(
                            at: now, caller: caller.id, callerName: caller.name, action: action,
                            resource: outcome.resource, result: outcome.status.code, remoteAddress: remoteAddress,
                            requestID: requestID, detail: outcome.detail), in: transaction)
                }
                if let ownMark {
                    try idempotency.finish(
                        ownMark,
                        answer: StoredAnswer(
                            status: outcome.status.code, location: outcome.location, body: outcome.body?.text ?? ""),
                        at: now, in: transaction)
                }
            }
            let outcome = outcome(resource)
            if let text = outcome.plainText {
                return Answer.text(text, status: outcome.status, location: outcome.location)
            }
            return Self.response(
                status: outcome.status, location: outcome.location,
                body: (outcome.wholeBody ?? outcome.body)?.text ?? "")
        } catch {
            if let ownMark { await abandon(ownMark, context) }
            if error is IdempotencyOvertaken { throw Self.inProgress }
            throw error
        }
    }

    // MARK: Idempotency

    private func idempotentRequest(
        _ request: Request, caller: Caller, bodyHash: String
    ) throws -> IdempotentRequest? {
        guard let key = request.headers[.idempotencyKey] else { return nil }
        guard (1...255).contains(key.utf8.count), key.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else {
            throw Problem(
                .badRequest, code: "invalid_idempotency_key",
                detail: "An Idempotency-Key has 1 to 255 visible ASCII characters.")
        }
        let operation = "\(request.method.rawValue) \(request.uri.path)?\(request.uri.query ?? "")"
        return IdempotentRequest(caller: caller.id, operation: operation, key: key, bodyHash: bodyHash)
    }

    private enum Beginning {
        case carryOut(IdempotencyMark)
        case answered(StoredAnswer)
    }

    private func begin(_ request: IdempotentRequest, _ context: APIContext) async throws -> Beginning {
        let now = time.now()
        let outcome: IdempotencyOutcome
        do {
            // Not shared: the same requests sent to two gateways at once could wait for one another.
            outcome = try await engine.write { [idempotency] in try idempotency.begin(request, at: now, in: $0) }
        } catch StorageError.connectionLost(commitSent: true) {
            // A mark may be there; what was asked for has not begun.
            await abandon(IdempotencyMark(request, at: now), context)
            throw StorageError.connectionLost(commitSent: false)
        }
        switch outcome {
        case .first(let mark): return .carryOut(mark)
        case .replay(let answer): return .answered(answer)
        case .inProgress: throw Self.inProgress
        case .conflict:
            throw Problem.conflict(
                code: "idempotency_conflict",
                detail: "This Idempotency-Key was used for another body. Use a new key for a new request.")
        }
    }

    private static func replay(
        _ answer: StoredAnswer, completing: (JSONValue) async throws -> JSONValue
    ) async throws -> Response {
        let body = answer.body.isEmpty ? "" : try await completing(try JSONValue(parsing: answer.body)).text
        var replayed = response(status: .init(code: answer.status), location: answer.location, body: body)
        replayed.headers[.idempotencyReplayed] = "true"
        return replayed
    }

    private static let inProgress = Problem.conflict(
        code: "idempotency_in_progress",
        detail: "Another request with this Idempotency-Key is still being carried out. Try again shortly.")

    /// What the caller is told is why the change failed, whatever becomes of the mark. Where the store is away it is taken
    /// off once it is back, so that the caller's next try does not have to wait until it runs out.
    private func abandon(_ mark: IdempotencyMark, _ context: APIContext) async {
        if await hasAbandoned(mark, context) { return }
        Task { [time] in
            while time.now() < mark.runsOutAt {
                try await time.sleep(for: .seconds(1))
                if await hasAbandoned(mark, context) { return }
            }
        }
    }

    private func hasAbandoned(_ mark: IdempotencyMark, _ context: APIContext) async -> Bool {
        do {
            try await engine.write { [idempotency] in try idempotency.abandon(mark, in: $0) }
            return true
        } catch {
            context.logger.warning(
                "the mark of an Idempotency-Key could not be taken off", metadata: ["error": "\(error)"])
            return false
        }
    }

    private static func response(status: HTTPResponse.Status, location: String?, body: String) -> Response {
        var headers: HTTPFields = [:]
        if let location { headers[.location] = location }
        return body.isEmpty
            ? Response(status: status, headers: headers) : Answer.json(text: body, status: status, headers: headers)
    }
}
