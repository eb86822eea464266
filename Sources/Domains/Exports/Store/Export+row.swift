import CausewayCore
public import Storage

extension Export: RowDecodable {
    public init(row: ResultRow) throws {
        id = try row["id"]
        vendorKey = try row["vendor_key"]
        report = try row["report"]
        memberEmail = try row["member_email"]
        showUnexpanded = try row["show_unexpanded"]
        status = try row["status"]
        source = try row["source"]
        requests = try row["requests"]
        metadata = try row["metadata"]
        whenLimited = try row["when_limited"]
        requestedAt = try row["requested_at"]
        queuedAt = try row["queued_at"]
        completedAt = try row["completed_at"]
        expiresAt = try row["expires_at"]
        notBefore = try row["not_before"]
        triggerState = try row["trigger_state"]
        sentAt = try row["sent_at"]
        doubtSince = try row["doubt_since"]
        retryingSince = try row["retrying_since"]
        slotAt = try row["slot_at"]
        entity = try row["entity"]
        let error: String? = try row["error"]
        self.error = try error.map { try JSONText.decode(ExportError.self, from: $0) }
        let mirror: String? = try row["mirror"]
        self.mirror = try mirror.map { try JSONText.decode([MirroredFile].self, from: $0) } ?? []
        mirroredAt = try row["mirrored_at"]
        filesRemovedAt = try row["files_removed_at"]
        seenBy[.webhook] = try row["seen_webhook"]
        seenBy[.event] = try row["seen_event"]
        seenBy[.poll] = try row["seen_poll"]
        claimedKey = try row["claimed_key"]
        let token: String? = try row["hook_token"]
        hookToken = token.map(Secret.init)
        revision = try row["revision"]
    }
}
