import CausewayCore
import ServiceLifecycle

/// Does what follows from changes: ends exports when their time has come, sends webhooks and mails.
struct WorkLoop: Service {
    let account: Account
    private let sender = WebhookSender()

    init(account: Account) { self.account = account }

    func run() async throws {
        await withDiscardingTaskGroup { group in
            for await job in account.jobs.cancelOnGracefulShutdown() {
                group.addTask { try? await perform(job) }
            }
            group.cancelAll()
        }
    }

    private func perform(_ job: Job) async throws {
        switch job {
        case .finish(let key, let time):
            try await account.time.sleep(until: time)
            account.change { state, now in state.finish(key, at: now) }
        case .mail(let key, let time):
            try await account.time.sleep(until: time)
            account.change { state, now in state.send(mail: key, at: now) }
        case .send(let key): try await send(key)
        }
    }

    private func send(_ key: String) async throws {
        let (post, timeout) = account.read { state in
            (state.posts.last { $0.key == key }, state.options.webhookTimeout)
        }
        guard let post else { return }
        try await holdBack(post)
        let body = Array(post.body.text.utf8)
        while true {
            let startedAt = account.time.now()
            let outcome = await sender.post(body, to: post.url, timeout: timeout)
            try Task.checkCancellation()
            let wait = account.change { state, now in state.record(outcome, of: key, startedAt: startedAt, at: now) }
            guard let wait else { return }
            try await account.time.sleep(for: wait)
        }
    }

    private func holdBack(_ post: WebhookPost) async throws {
        guard let fault = post.fault else { return }
        switch fault.kind {
        case .webhookDelayed: try await account.time.sleep(for: fault.delay)
        case .webhookReordered:
            // Until a later one has had an attempt.
            _ = await account.changes.first(within: fault.delay) { [account] in
                account.read { state in
                    guard let own = state.posts.firstIndex(where: { $0.key == post.key }) else { return true }
                    return state.posts[(own + 1)...].contains { !$0.attempts.isEmpty } ? true : nil
                }
            }
            try Task.checkCancellation()
        default: break
        }
    }
}
