import CausewayCore
import Vendor

/// The way to the end. Whatever the channel, the vendor was asked, and this is what it said.
extension Export {
    /// - Parameter inAnswerToTrigger: the answer may be older than what is known already.
    mutating func vendorSays(
        _ said: VendorExport, inAnswerToTrigger: Bool = false, at now: Timestamp
    ) -> [ExportConsequence] {
        if let vendorKey, vendorKey != said.key {
            return contradiction("the vendor tells of another export for it, \(said.key) besides \(vendorKey)")
        }
        if status == .cancelled || (status.isEnd && vendorKey == nil) {
            return contradiction("the vendor has it as \(said.key)")
        }
        tie(to: said, at: now)
        switch (status, said.status) {
        case (.queued, .queued), (.queued, .other):
            entity = said.whole
            return []
        case (.queued, .success):
            return end(.success, said, .completed, at: now)
        case (.queued, .failure):
            error = Self.vendorError(in: said)
            return end(.failure, said, .failed, at: now)
        case (.queued, .expired):
            return end(.expired, said, .expired, at: now)
        case (.success, .success):
            // The same with fresh links, of which a mirrored export needs none.
            guard mirroredAt == nil else { return [] }
            entity = said.whole
            expiresAt = said.expiresAt ?? expiresAt
            return []
        case (.success, .expired):
            return linksDied(said, at: now)
        case (.failure, .failure), (.expired, .expired):
            return []
        case (_, .queued) where inAnswerToTrigger:
            return []
        default:
            return contradiction("the vendor says \(said.whole["status"]?.string ?? "")")
        }
    }

    /// A success whose links are dead: no matter once its files are mirrored.
    mutating func linksDied(_ said: VendorExport?, at now: Timestamp) -> [ExportConsequence] {
        guard status == .success, mirroredAt == nil else { return [] }
        // The vendor need not name files that cannot be had; those that are mirrored are shown on.
        if let said, mirror.isEmpty { entity = said.whole }
        status = .expired
        expiresAt = said?.expiresAt ?? expiresAt ?? now
        return [.publish(.expired)]
    }

    /// The vendor does not end it, or knows nothing of it any more.
    mutating func abandon(_ error: ExportError, at now: Timestamp) -> [ExportConsequence] {
        guard status == .queued else { return [] }
        return fail(error, at: now)
    }

    /// The vendor has ended what was given up here. The failure was told and stands; the end is another's.
    mutating func handOver(to other: ExportID) -> [ExportConsequence] {
        let consequences = vendorKey.map { contradiction("the vendor has ended \($0) after all") } ?? []
        vendorKey = nil
        error?.message += " The vendor has it after all: that is \(other)."
        return consequences
    }

    /// Somebody told that it has ended; only the vendor's own word will make it so.
    mutating func hinted(by channel: ExportChannel, key: String?, at now: Timestamp) {
        // What was told before it was on record may be noted later.
        seenBy[channel] = min(seenBy[channel] ?? now, now)
        if vendorKey == nil { claimedKey = key ?? claimedKey }
    }

    /// When the vendor must be asked again; nil where there is nothing more to learn.
    /// - Parameter grace: after the links should have died.
    func nextCheck(after now: Timestamp, every interval: Duration, grace: Duration) -> Timestamp? {
        switch status {
        case .queued: now + interval
        case .success: mirroredAt == nil ? expiresAt.map { max($0, now) + grace } : nil
        case .requested, .deferred, .failure, .expired, .cancelled: nil
        }
    }

    private mutating func tie(to said: VendorExport, at now: Timestamp) {
        guard vendorKey == nil else { return }
        vendorKey = said.key
        triggerState = .idle
        doubtSince = nil
        retryingSince = nil
        error = nil
        notBefore = nil
        status = .queued
        queuedAt = now
        slotAt = said.createdAt ?? sentAt ?? now
    }

    private mutating func end(
        _ status: ExportStatus, _ said: VendorExport, _ event: ExportEventType, at now: Timestamp
    ) -> [ExportConsequence] {
        self.status = status
        entity = said.whole
        // The vendor's clock where it makes sense: an end may be learnt of late.
        let told = said.updatedAt.map { min($0, now) } ?? now
        completedAt = queuedAt.map { max($0, told) } ?? told
        expiresAt = said.expiresAt ?? expiresAt
        return [.publish(event)]
    }

    private static func vendorError(in said: VendorExport) -> ExportError {
        let vendor = said.error ?? .null
        let words = vendor.string ?? vendor["message"]?.string ?? "The vendor gave no reason."
        return ExportError(code: vendorFailure, message: "The export failed at the vendor: \(words)", vendor: vendor)
    }
}
