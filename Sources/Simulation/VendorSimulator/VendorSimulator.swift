public import CausewayCore
import HTTPTypes
import Hummingbird
public import Logging
public import ServiceLifecycle
import Synchronization

/// The vendor as its guides describe it, over real HTTP; everything in memory.
///
/// It knows nothing of the gateway, so that a mistake there is not repeated here. Basic auth guards `/api` and
/// `/v1`; answers come in the vendor's envelope, times are epoch milliseconds.
///
/// | route's name | call |
/// |---|---|
/// | `trigger` | `POST /api/v2/vendor_report_export/{vrc}` |
/// | `export` | `GET /api/v2/vendor_report_export/export/{vrex}` |
/// | `reports`, `report` | `GET /api/v2/vendor_report_configuration/list`, `…/{vrc}` |
/// | `webhooks.create`, `.list`, `.get`, `.update`, `.delete` | `/api/v2/webhooks`, `/api/v2/webhooks/{key}` |
/// | `base_records` | `POST /api/v2/exports/base_records` (202) |
/// | `import.partners`, `import.customers`, … | `POST /v1/import/{object}` |
/// | `files` | `GET`/`HEAD /files/{key}/{name}?expires=…&signature=…`: no auth; credentials sent are a leak, 400 |
/// | `webhook.direct`, `webhook.account` | webhooks sent |
///
/// # The control surface
/// `/simulator/…` is not the vendor's: no auth, no envelope, errors `{"error":…}`. Lists are `{"data":[…]}`, oldest
/// first. `wait=SECONDS` (≤ 60) holds the answer until `count` (default 1) matching things are there; 504 with what
/// there is when the wait is over. Filters may be repeated (any of).
///
/// | call | what |
/// |---|---|
/// | `GET /simulator/state` | `url`, `exports`, `exports_by_status`, `webhooks`, `subscriptions`, `imports`, `imported_rows`, `mails`, `requests`, `faults`, `credential_leaks` |
/// | `GET /simulator/exports?status=&source=&report=&member_email=` | entities, as the vendor's |
/// | `GET /simulator/exports/{key}?until=STATUS` | one entity, once it has that status |
/// | `POST /simulator/exports` | `{"source":"in_app"\|"scheduled"\|"api","report","member_email","webhook_target_url","after_ms"}`, all optional; 201 with the entity |
/// | `POST /simulator/exports/{key}/complete`, `/fail`, `/expire` | ends it now; `fail` takes `{"error":…}` |
/// | `POST /simulator/exports/{key}/announce` | webhooks again: `{"channel":"direct"\|"account","entity":{members to change}}` |
/// | `GET /simulator/webhooks?export=&channel=&state=&claims=` | `key`, `channel`, `url`, `export`, `body`, `claims`, `fault`, `state` (`pending`, `delivered`, `failed`, `lost`), `attempts` (`number`, `at`, `duration_ms`, `status`, `error`) |
/// | `GET /simulator/imports?object=&state=` | `key`, `object`, `filename`, `group_key`, `send_invite_emails`, `size`, `sha256`, `state` (`imported`, `refused`), `refusal`, `rows`, `imported`, `repeated`, `skipped`, `skipped_rows` |
/// | `GET /simulator/imports/{key}`, `…/file` | one; the bytes as they came |
/// | `GET /simulator/mails?member_email=` | sent mails of base records: `export_types`, `links` (`name`, `url`), `expires_at` |
/// | `GET /simulator/requests?route=` | `{"trigger":3,…}`; here `count` is of requests |
/// | `GET /simulator/story` | the log as text |
/// | `GET`/`POST`/`DELETE /simulator/faults`, `DELETE …/{id}` | see ``Fault`` |
/// | `PATCH /simulator/options` | `hold`, `webhooks`, `announces_failures`, `sends_retry_after`, `requires_customers`, `fail_rate`, `members`, `export_duration_ms`, `link_lifetime_ms`, `window_ms`, `files`, `file_rows`, `file_size`, `limit_per_report`, `limit_per_member`, `requests_per_minute` |
/// | `POST /simulator/limits/reset` | forgets all windows |
public final class VendorSimulator: Service {
    private enum Listening {
        case notYet([CheckedContinuation<String, any Error>])
        case at(String)
        case failed(any Error)
    }

    private let options: SimulatorOptions
    private let account: Account
    private let logger: Logger
    private let listening = Mutex(Listening.notYet([]))

    public init(
        _ options: SimulatorOptions = .init(), time: any TimeSource = SystemTimeSource(), story: Story = .quiet,
        logger: Logger = Logger(label: "simulator") { _ in SwiftLogNoOpLogHandler() }
    ) {
        self.options = options
        self.account = Account(options, time: time, story: story)
        self.logger = logger
    }

    /// Where it listens (`http://127.0.0.1:43121`), as soon as it does; throws where it could not bind.
    public func url() async throws -> String {
        try await withCheckedThrowingContinuation { continuation in
            let known: Result<String, any Error>? = listening.withLock { listening in
                switch listening {
                case .at(let url): return .success(url)
                case .failed(let error): return .failure(error)
                case .notYet(let waiting):
                    listening = .notYet(waiting + [continuation])
                    return nil
                }
            }
            if let known { continuation.resume(with: known) }
        }
    }

    /// Serves until it is cancelled or shut down; throws where it could not bind.
    public func run() async throws {
        let router = Router(context: SimulatorContext.self)
        router.add(middleware: UnknownPath())
        let gate = VendorGate(account: account)
        ExportRoutes(account: account, gate: gate).add(to: router)
        WebhookRoutes(account: account, gate: gate).add(to: router)
        ImportRoutes(account: account, gate: gate).add(to: router)
        FileRoutes(account: account).add(to: router)
        ControlRoutes(account: account).add(to: router)
        let application = Application(
            router: router, server: .http1(configuration: .init(additionalChannelHandlers: [ContinueHandler()])),
            configuration: .init(address: .hostname(options.host, port: options.port)),
            services: [WorkLoop(account: account)],
            onServerRunning: { channel in
                self.listens(on: channel.localAddress?.port ?? self.options.port)
            }, logger: logger)
        defer { account.close() }
        do {
            // Nothing here is worth finishing: a stop ends waits and downloads at once.
            try await cancelWhenGracefulShutdown { try await application.run() }
            settle(.failed(CancellationError()))
        } catch is CancellationError {
            settle(.failed(CancellationError()))
        } catch {
            settle(.failed(error))
            throw error
        }
    }

    private func listens(on port: Int) {
        let host = options.host.contains(":") ? "[\(options.host)]" : options.host
        let url = "http://\(host):\(port)"
        account.change { state, _ in
            state.baseURL = state.options.publicURL ?? url
            state.tell("the vendor's stand-in listens on \(url)")
        }
        settle(.at(url))
    }

    private func settle(_ outcome: Listening) {
        let waiting = listening.withLock { listening in
            defer { listening = outcome }
            if case .notYet(let waiting) = listening { return waiting }
            return []
        }
        for continuation in waiting {
            switch outcome {
            case .at(let url): continuation.resume(returning: url)
            case .failed(let error): continuation.resume(throwing: error)
            case .notYet: break
            }
        }
    }
}

/// Paths the vendor does not have, and requests it cannot read, in its envelope.
private struct UnknownPath: RouterMiddleware {
    @concurrent func handle(
        _ request: Request, context: SimulatorContext,
        next: @concurrent (Request, SimulatorContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as HTTPError {
            let words = error.body ?? error.status.reasonPhrase
            if request.uri.path.hasPrefix("/simulator") { return ControlAnswer.refusal(error.status.code, words) }
            return VendorAnswer(message: words, status: error.status.code).response()
        }
    }
}
