import CausewayCore
import HTTPTypes
import Hummingbird
import NIOCore

/// `/simulator/…`: what a test sees and does behind the vendor's back. Described in `VendorSimulator`.
struct ControlRoutes {
    let account: Account

    func add(to router: Router<SimulatorContext>) {
        addLooks(to: router)
        addExports(to: router)
        addFaults(to: router)
        router.post("/simulator/limits/reset") { _, _ in
            account.change { state, now in
                state.limitsSince = now
                state.minute = [:]
                state.tell("limits forgotten")
            }
            return ControlAnswer.json(["reset": true])
        }
        router.patch("/simulator/options") { request, _ in try await setOptions(request) }
    }

    // MARK: Looks

    private func addLooks(to router: Router<SimulatorContext>) {
        router.get("/simulator/state") { _, _ in
            let now = account.time.now()
            return ControlAnswer.json(account.read { $0.summary(at: now) })
        }
        router.get("/simulator/exports") { request, _ in
            await look(request) { state, query in
                let wanted = state.exportOrder.compactMap { state.exports[$0] }.filter { export in
                    query.admits("status", export.status.rawValue) && query.admits("source", export.source.rawValue)
                        && query.admits("report", export.report.key)
                        && query.admits("member_email", export.memberEmail)
                }
                return wanted.map { state.entity($0, at: account.time.now()) }
            }
        }
        router.get("/simulator/exports/{key}") { request, context in
            await lookAtExport(context.parameters.get("key") ?? "", request)
        }
        router.get("/simulator/webhooks") { request, _ in
            await look(request) { state, query in
                state.posts.filter { post in
                    query.admits("export", post.export) && query.admits("channel", post.channel.rawValue)
                        && query.admits("state", post.state.rawValue) && query.admits("claims", post.claims)
                }.map(\.json)
            }
        }
        router.get("/simulator/imports") { request, _ in
            await look(request) { state, query in
                state.imports.filter { file in
                    query.admits("object", file.object.rawValue)
                        && query.admits("state", file.refusal == nil ? "imported" : "refused")
                }.map(\.json)
            }
        }
        router.get("/simulator/imports/{key}") { _, context in
            withImport(context) { ControlAnswer.json($0.json) }
        }
        router.get("/simulator/imports/{key}/file") { _, context in
            withImport(context) { file in
                guard let bytes = file.bytes else {
                    return ControlAnswer.refusal(410, "newer files have pushed it out")
                }
                return Response(
                    status: .ok, headers: [.contentType: "text/csv"], body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
            }
        }
        router.get("/simulator/mails") { request, _ in
            await look(request) { state, query in
                let sent = state.mails.filter { $0.sentAt != nil && query.admits("member_email", $0.memberEmail) }
                return sent.map { state.json($0, at: account.time.now()) }
            }
        }
        router.get("/simulator/requests") { request, _ in await lookAtRequests(request) }
        router.get("/simulator/story") { _, _ in
            Response.text(account.read { $0.story.joined(separator: "\n") } + "\n", type: "text/plain; charset=utf-8")
        }
    }

    /// Answers a list as soon as it is long enough: 200, or 504 with what there is when the wait is over.
    private func look(
        _ request: Request, _ items: @escaping @Sendable (AccountState, ControlQuery) -> [JSONValue]
    ) async -> Response {
        let query = ControlQuery(request.uri.queryParameters)
        let wait = ControlWait(request.uri.queryParameters)
        let found = await account.changes.first(within: wait.patience) { [account] in
            let found = account.read { items($0, query) }
            return found.count >= wait.count ? found : nil
        }
        if let found { return ControlAnswer.list(found) }
        return ControlAnswer.list(account.read { items($0, query) }, status: 504)
    }

    private func lookAtExport(_ key: String, _ request: Request) async -> Response {
        let query = ControlQuery(request.uri.queryParameters)
        let wait = ControlWait(request.uri.queryParameters)
        func current() -> (JSONValue, Bool)? {
            account.change { state, now in
                state.export(key, at: now).map {
                    (state.entity($0, at: now), query.admits("until", $0.status.rawValue))
                }
            }
        }
        guard current() != nil else { return ControlAnswer.refusal(404, "no export \(key)") }
        // Looking turns a dead export to expired, which is a change: so it is looked at without changing here.
        _ = await account.changes.first(within: wait.patience) { [account] in
            account.read { state in query.admits("until", state.exports[key]?.status.rawValue ?? "") ? true : nil }
        }
        guard let (entity, isThere) = current() else { return ControlAnswer.refusal(404, "no export \(key)") }
        return ControlAnswer.json(entity, status: isThere ? 200 : 504)
    }

    private func lookAtRequests(_ request: Request) async -> Response {
        let query = ControlQuery(request.uri.queryParameters)
        let wait = ControlWait(request.uri.queryParameters)
        @Sendable func counts(_ state: AccountState) -> [String: Int] {
            state.requests.filter { route, _ in query.admits("route", route) }
        }
        let found = await account.changes.first(within: wait.patience) { [account] in
            account.read { counts($0).values.reduce(0, +) >= wait.count ? true : nil }
        }
        let numbers = account.read(counts).mapValues { JSONValue.integer(Int64($0)) }
        return ControlAnswer.json(.object(numbers), status: found == nil ? 504 : 200)
    }

    private func withImport(_ context: SimulatorContext, _ answer: (ImportedFile) -> Response) -> Response {
        let key = context.parameters.get("key") ?? ""
        guard let file = account.read({ state in state.imports.first { $0.key == key } }) else {
            return ControlAnswer.refusal(404, "no import \(key)")
        }
        return answer(file)
    }

    // MARK: Faults

    private func addFaults(to router: Router<SimulatorContext>) {
        router.get("/simulator/faults") { _, _ in ControlAnswer.list(account.read { $0.faults.map(\.json) }) }
        router.post("/simulator/faults") { request, _ in
            let members = try await controlBody(request)
            do {
                let fault = try Fault(json: .object(members))
                let added = account.change { state, _ in
                    state.tell("fault set: \(fault.kind.rawValue) on \(fault.route)")
                    return state.add(fault)
                }
                return ControlAnswer.json(added.json, status: 201)
            } catch let error as FaultError {
                return ControlAnswer.refusal(400, error.description)
            }
        }
        router.delete("/simulator/faults") { _, _ in
            account.change { state, _ in state.faults = [] }
            return Response(status: .noContent)
        }
        router.delete("/simulator/faults/{id}") { _, context in
            let id = context.parameters.get("id") ?? ""
            account.change { state, _ in state.faults.removeAll { $0.id == id } }
            return Response(status: .noContent)
        }
    }

    // MARK: Options

    private func setOptions(_ request: Request) async throws -> Response {
        let members = try await controlBody(request)
        var options = account.read(\.options)
        for (name, value) in members {
            guard options.set(name, to: value) else {
                return ControlAnswer.refusal(400, "\(name) cannot be set to \(value.text) here")
            }
        }
        let changed = options
        account.change { state, _ in
            state.options = changed
            state.tell("options changed: \(members.keys.sorted().joined(separator: ", "))")
        }
        return ControlAnswer.json(.object(members))
    }
}

/// The body of a control request: a JSON object, or nothing.
func controlBody(_ request: Request) async throws -> [String: JSONValue] {
    let buffer = try await request.body.collect(upTo: 1 << 20)
    if buffer.readableBytes == 0 { return [:] }
    guard let members = try? JSONValue(parsing: String(buffer: buffer)).object else {
        throw HTTPError(.badRequest, message: "the body is not a JSON object")
    }
    return members
}

/// Filters of a look: a member not asked for admits everything; one asked for several times, any of its values.
struct ControlQuery: Sendable {
    private var wanted: [String: [String]] = [:]

    init(_ query: Parameters) {
        for (name, value) in query { wanted[String(name), default: []].append(String(value)) }
    }

    func admits(_ name: String, _ value: String) -> Bool {
        wanted[name].map { $0.contains(value) } ?? true
    }
}
