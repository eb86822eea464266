import CausewayCore

extension AccountState {
    /// Queues what tells of an export's end: the direct webhook of a success, and one for each subscription.
    mutating func announce(_ export: VendorExport, at now: Timestamp) {
        let entity = entity(export, at: now)
        if export.status == .success { announceDirectly(export, entity, at: now) }
        announceToAccount(export, entity, at: now)
    }

    mutating func announceDirectly(_ export: VendorExport, _ entity: JSONValue, at now: Timestamp) {
        guard let url = export.webhookTargetURL else { return }
        post(.direct, to: url, about: export, body: entity, claims: entity, at: now)
    }

    mutating func announceToAccount(_ export: VendorExport, _ entity: JSONValue, at now: Timestamp) {
        for subscription in subscriptions where subscription.event == WebhookSubscription.exportCompleted {
            let body: JSONValue = ["event": .string(subscription.event), "data": entity]
            post(.account, to: subscription.targetURL, about: export, body: body, claims: entity, at: now)
        }
    }

    /// The fault of a webhook that runs ahead of the truth.
    mutating func announceEarly(_ export: VendorExport, at now: Timestamp) {
        let direct = strike([.webhookEarly], route: "webhook.direct") != nil
        let account = !direct && strike([.webhookEarly], route: "webhook.account") != nil
        guard direct || account else { return }
        var lie = export
        lie.status = .success
        lie.expiresAt = now + options.linkLifetime
        let name = "\(export.report.type.rawValue)-\(export.stem).csv"
        let file: JSONValue = [
            "key": "file_early", "name": .string(name), "url": .string("\(baseURL)/files/file_early/\(name)?expires=0"),
        ]
        tell("export \(export.key): a webhook says success while it is queued")
        let entity = lie.entity(files: [file], zip: nil)
        if direct { announceDirectly(export, entity, at: now) } else { announceToAccount(export, entity, at: now) }
    }

    private mutating func post(
        _ channel: WebhookPost.Channel, to url: String, about export: VendorExport, body: JSONValue, claims: JSONValue,
        at now: Timestamp
    ) {
        guard options.sendsWebhooks else {
            tell("\(channel.rawValue) webhook of \(export.key) not sent: webhooks are off")
            return
        }
        let fault = strike(Fault.Kind.webhooks, route: "webhook.\(channel.rawValue)")
        for copy in 0..<(fault?.kind == .webhookDoubled ? 2 : 1) {
            postCount += 1
            var post = WebhookPost(
                key: "post_\(postCount)", channel: channel, url: url, export: export.key, body: body,
                claims: claims["status"]?.string ?? "", madeAt: now, fault: fault)
            if fault?.kind == .webhookLost {
                post.state = .lost
                tell("\(channel.rawValue) webhook of \(export.key) to \(readable(url)) is lost on purpose")
            } else {
                queue(.send(post: post.key))
                if copy == 1 { tell("\(channel.rawValue) webhook of \(export.key) is sent twice on purpose") }
            }
            if posts.count >= 20_000 { posts.removeFirst(1000) }
            posts.append(post)
        }
    }

    mutating func update(post key: String, _ change: (inout WebhookPost) -> Void) {
        // The newest stand last, and those are the ones still on their way.
        guard let index = posts.lastIndex(where: { $0.key == key }) else { return }
        change(&posts[index])
    }

    /// Notes an attempt; gives the wait before the next, nil where this was the last.
    mutating func record(
        _ outcome: WebhookOutcome, of key: String, startedAt: Timestamp, at now: Timestamp
    ) -> Duration? {
        var next: Duration?
        var line: String?
        let retries = options.webhookRetries
        update(post: key) { post in
            post.attempts.append(
                .init(at: startedAt, durationMilliseconds: now.since(startedAt).wholeMilliseconds, outcome: outcome))
            let said = outcome.status.map { "answered \($0)" } ?? outcome.error ?? ""
            let tried = post.attempts.count
            let head = "\(post.channel.rawValue) webhook of \(post.export) to \(readable(post.url)): \(said)"
            if outcome.isSuccess {
                post.state = .delivered
                line = head
            } else if tried <= retries.count {
                next = retries[tried - 1]
                line = "\(head), next try in \(DurationText.format(retries[tried - 1]))"
            } else {
                post.state = .failed
                line = "\(head), given up after \(tried) attempts"
            }
        }
        if let line { tell(line) }
        return next
    }
}
