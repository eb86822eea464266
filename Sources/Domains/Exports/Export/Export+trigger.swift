import CausewayCore
import Vendor

/// The way to the vendor.
extension Export {
    /// What the trigger's worker has to do with an export it took up.
    enum TriggerStep: Equatable {
        case send
        /// Not before that time.
        case wait(until: Timestamp)
        /// Nothing more; consequences may have come of it.
        case settled([ExportConsequence])
    }

    /// Takes the export up. A trigger found `sending` was cut short by a crash or a lost lease.
    /// - Parameters:
    ///   - opening: when the vendor's limits let it through; nil where they do now.
    ///   - unknownPatience: how long a hint is waited for after a trigger of unknown outcome.
    ///   - asksAgainWithin: when after such a trigger it may be sent once more; nil for never.
    mutating func takeUpTrigger(
        at now: Timestamp, opening: Timestamp?, unknownPatience: Duration, asksAgainWithin: Range<Duration>? = nil,
        triggerPatience: Duration
    ) -> TriggerStep {
        guard status == .requested || status == .deferred else { return .settled([]) }
        if triggerState == .sending { outcomeUnknown("the gateway stopped before it read the answer") }
        if triggerState == .unknown {
            let until = (doubtSince ?? now) + unknownPatience
            guard now < until else { return .settled(giveUpOnHint(at: now)) }
            guard let sentAt, let within = asksAgainWithin, !isAskedAgain, now < sentAt + within.upperBound else {
                return .wait(until: until)
            }
            let again = sentAt + within.lowerBound
            return now < again ? .wait(until: min(again, until)) : send(at: now)
        }
        if let notBefore, now < notBefore { return .wait(until: notBefore) }
        if let opening {
            let consequences = limited(
                until: opening,
                ExportError(
                    code: "limited", message: "the vendor's limits are shut for this report or member"), at: now)
            return status == .deferred ? .wait(until: opening) : .settled(consequences)
        }
        if let retryingSince, now >= retryingSince + triggerPatience, let error {
            // What goes on for so long needs a person; the last reason stays.
            return .settled(fail(error, at: now))
        }
        return send(at: now)
    }

    /// When the trigger of an export whose outcome is not known is taken up again.
    func nextLook(after now: Timestamp, unknownPatience: Duration, asksAgainWithin: Range<Duration>?) -> Timestamp {
        let until = (doubtSince ?? now) + unknownPatience
        guard let sentAt, let within = asksAgainWithin, !isAskedAgain else { return until }
        return min(until, max(now, sentAt + within.lowerBound))
    }

    /// Whether a trigger went out after the first whose outcome is not known.
    private var isAskedAgain: Bool {
        guard let sentAt, let doubtSince else { return false }
        return sentAt > doubtSince
    }

    private mutating func send(at now: Timestamp) -> TriggerStep {
        status = .requested
        notBefore = nil
        triggerState = .sending
        sentAt = now
        slotAt = now
        return .send
    }

    /// The vendor took it.
    mutating func triggerAnswered(_ said: VendorExport, at now: Timestamp) -> [ExportConsequence] {
        vendorSays(said, inAnswerToTrigger: true, at: now)
    }

    /// The vendor answered with what is on record as another export: which of the two it is nobody can say.
    mutating func triggerAnswered(_ said: VendorExport, onRecordAs other: ExportID, at now: Timestamp)
        -> [ExportConsequence]
    {
        let consequences = contradiction("the trigger was answered with \(said.key), which is \(other)")
        guard settleTrigger() else { return consequences }
        return consequences
            + fail(
                ExportError(
                    code: "vendor_key_taken",
                    message: "The vendor answered with \(said.key), which is on record already: it is \(other)."),
                at: now)
    }

    /// The vendor will not do it, ever.
    mutating func triggerRefused(_ error: ExportError, at now: Timestamp) -> [ExportConsequence] {
        guard settleTrigger() else {
            // Told twice, where the store's answer to the first was lost.
            if status == .failure, self.error == error { return [] }
            return contradiction("the trigger was refused: \(error.message)")
        }
        slotAt = nil
        return fail(error, at: now)
    }

    /// The vendor's limits are shut.
    mutating func triggerLimited(
        until opening: Timestamp, _ error: ExportError, at now: Timestamp
    ) -> [ExportConsequence] {
        guard settleTrigger() else { return [] }
        if doubtSince != nil {
            // An earlier trigger may be what the vendor counts: then this export exists, and a hint will tell.
            outcomeUnknown("the vendor answered 429 after a trigger whose outcome is not known: \(error.message)")
            return []
        }
        slotAt = nil
        return limited(until: opening, error, at: now)
    }

    /// It was not taken, and may be sent again.
    /// - Parameter isCertain: false after a 5xx. Sending again is right all the same, since the vendor's limit of one
    ///   export for a report and member turns a second one into a 429.
    mutating func triggerNotTaken(_ error: ExportError, isCertain: Bool, at now: Timestamp) {
        guard settleTrigger() else { return }
        if !isCertain { doubtSince = doubtSince ?? sentAt ?? now }
        retryingSince = retryingSince ?? now
        self.error = error
    }

    /// It may have been taken.
    mutating func triggerLost(_ words: String) {
        guard settleTrigger() else { return }
        outcomeUnknown(words)
    }

    /// Withdraws `count` requests; the last one cancels. False where the vendor has it or may have it.
    mutating func withdraw(_ count: Int, at now: Timestamp) -> Bool {
        guard status == .requested || status == .deferred else { return false }
        let isLast = requests <= count
        // Between two tries after a 5xx the vendor may have it too.
        if isLast, triggerState != .idle || doubtSince != nil { return false }
        requests = max(0, requests - count)
        if isLast {
            status = .cancelled
            completedAt = now
            notBefore = nil
            slotAt = nil
            error = nil
        }
        return true
    }

    /// One more caller wants the same.
    mutating func join(whenLimited: WhenLimited) {
        requests += 1
        if whenLimited == .defer { self.whenLimited = .defer }
    }

    // MARK: Steps

    /// False where the answer comes too late to matter: a hint has tied the export already.
    private mutating func settleTrigger() -> Bool {
        guard status == .requested, vendorKey == nil else { return false }
        triggerState = .idle
        return true
    }

    private mutating func outcomeUnknown(_ words: String) {
        triggerState = .unknown
        doubtSince = doubtSince ?? sentAt
        error = ExportError(
            code: "outcome_unknown",
            message: "The vendor may have taken this export: \(words). A webhook will tell.")
    }

    private mutating func giveUpOnHint(at now: Timestamp) -> [ExportConsequence] {
        let last = error?.message ?? ""
        return fail(
            ExportError(
                code: "outcome_unknown",
                message: "No webhook told of this export after a trigger whose outcome is not known. \(last)",
                vendor: error?.vendor ?? .null),
            at: now)
    }

    private mutating func limited(
        until opening: Timestamp, _ error: ExportError, at now: Timestamp
    ) -> [ExportConsequence] {
        slotAt = nil
        if whenLimited == .fail { return fail(error, at: now) }
        status = .deferred
        notBefore = opening
        retryingSince = nil
        self.error = error
        return []
    }

    mutating func fail(_ error: ExportError, at now: Timestamp) -> [ExportConsequence] {
        status = .failure
        triggerState = .idle
        notBefore = nil
        completedAt = now
        self.error = error
        return [.publish(.failed)]
    }

    func contradiction(_ words: String) -> [ExportConsequence] {
        [.contradiction("\(id) is \(status.rawValue), but \(words)")]
    }
}
