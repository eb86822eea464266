import CausewayCore
import OutboundHTTP

/// Reads what a caller sends to make or change a subscription. Nothing is left over in silence: an unknown member, a
/// value that cannot work and a filter that can never match are all refused, together, with how to mend each.
struct SubscriptionInput {
    let egress: EgressPolicy

    static let members = [
        "url", "events", "description", "filter", "format", "headers", "max_in_flight", "rate_per_second", "ordering",
        "retry_schedule", "signatures", "secret",
    ]
    /// In the place of the headers' values, for those who may not see them.
    static let mask = "***"

    /// A POST's body. Throws `FanoutError.invalid`.
    func terms(from body: JSONValue) throws(FanoutError) -> SubscriptionTerms {
        var reader = try reader(of: body)
        var terms = SubscriptionTerms(url: "", secrets: [])
        read(&reader, into: &terms, mustHaveURL: true)
        if terms.secrets.isEmpty { terms.secrets = [.random()] }
        Self.completeKeys(of: &terms)
        reader.finish(known: Self.members)
        guard reader.mistakes.isEmpty else { throw .invalid(reader.mistakes) }
        return terms
    }

    /// A PATCH's body over what there is: members that are absent stay, null puts the default back.
    func change(
        _ terms: SubscriptionTerms, enabled: Bool, by body: JSONValue
    ) throws(FanoutError) -> (terms: SubscriptionTerms, enabled: Bool) {
        var reader = try reader(of: body)
        var terms = terms
        read(&reader, into: &terms, mustHaveURL: false)
        Self.completeKeys(of: &terms)
        let enabled = reader.bool("enabled") ?? enabled
        reader.finish(known: Self.members + ["enabled"])
        guard reader.mistakes.isEmpty else { throw .invalid(reader.mistakes) }
        return (terms, enabled)
    }

    /// What a PATCH may say where no key we have opens the secret and the headers: a new one needs both, since the one kept
    /// could not be sealed with the other. Throws `FanoutError.secretSealed`.
    func checkSealed(_ body: JSONValue) throws(FanoutError) {
        let secret = body["secret"].map { !$0.isNull } ?? false
        let isReplaced = secret && body["headers"] != nil
        let isTouched = secret || body["headers"] != nil || body["signatures"] != nil
        guard isReplaced || !isTouched else { throw .secretSealed }
    }

    /// The pair that `v1a` signs with, made when it is first asked for.
    private static func completeKeys(of terms: inout SubscriptionTerms) {
        guard terms.signatures.contains(.v1a), !terms.secrets.isEmpty, terms.secrets[0].keyPair == nil else { return }
        terms.secrets[0].keyPair = .random()
    }

    private func reader(of body: JSONValue) throws(FanoutError) -> MemberReader {
        guard case .object(let members) = body else {
            throw .invalid([MemberMistake("", "invalid_type", "The body is a JSON object.")])
        }
        return MemberReader(members)
    }

    private func read(_ reader: inout MemberReader, into terms: inout SubscriptionTerms, mustHaveURL: Bool) {
        readURL(&reader, into: &terms, mustHave: mustHaveURL)
        if let format = reader.word("format", of: SubscriptionTerms.Format.self) { terms.format = format }
        readEvents(&reader, into: &terms)
        if let text = reader.optionalString("description", upTo: 1000) { terms.description = text }
        readFilter(&reader, into: &terms)
        readHeaders(&reader, into: &terms)
        if let number = reader.integer("max_in_flight", in: 1...500, orNull: 10) { terms.maxInFlight = number }
        readRate(&reader, into: &terms)
        if let ordering = reader.word("ordering", of: SubscriptionTerms.Ordering.self) { terms.ordering = ordering }
        readSchedule(&reader, into: &terms)
        readSecret(&reader, into: &terms)
        readSignatures(&reader, into: &terms)
    }

    // MARK: Members

    private func readURL(_ reader: inout MemberReader, into terms: inout SubscriptionTerms, mustHave: Bool) {
        guard let value = reader.take("url") else {
            if mustHave { reader.refuse("url", "required", "Where the events go: an http or https URL.") }
            return
        }
        guard case .string(let text) = value else {
            reader.refuse("url", "invalid_type", "A string: an http or https URL.")
            return
        }
        if let mistake = WebhookURL.mistake(in: text, egress: egress) {
            reader.refuse("url", mistake.code, mistake.detail)
        } else {
            terms.url = text
        }
    }

    private func readEvents(_ reader: inout MemberReader, into terms: inout SubscriptionTerms) {
        readTypes(&reader, into: &terms)
        guard terms.format == .vendor else { return }
        if terms.events == nil { terms.events = [WebhookMessage.vendorType] }
        if terms.events != [WebhookMessage.vendorType] {
            reader.refuse(
                "events", "not_in_format",
                "The format `vendor` has one event only: give [\"\(WebhookMessage.vendorType)\"], or choose the format "
                    + "`standard` or `cloudevents`.")
        }
    }

    private func readTypes(_ reader: inout MemberReader, into terms: inout SubscriptionTerms) {
        guard let value = reader.take("events") else { return }
        if value.isNull {
            terms.events = nil
            return
        }
        guard let types = value.array?.compactMap(\.string), types.count == value.array?.count, !types.isEmpty else {
            reader.refuse("events", "invalid_type", "A list of event types, at least one; leave it out for all.")
            return
        }
        let unknown = types.filter { !EventTypes.all.contains($0) }
        guard unknown.isEmpty else {
            reader.refuse(
                "events", "unknown_event_type",
                "No such event type: \(unknown.prefix(3).joined(separator: ", ")). Those there are: "
                    + "\(EventTypes.all.joined(separator: ", ")).")
            return
        }
        terms.events = EventTypes.all.filter(Set(types).contains)
    }

    private func readFilter(_ reader: inout MemberReader, into terms: inout SubscriptionTerms) {
        if let value = reader.take("filter") {
            guard value.isNull || value.object != nil else {
                reader.refuse("filter", "invalid_type", "An object of lists.")
                return
            }
            var inner = MemberReader(value.object ?? [:], path: "filter.")
            var values: [SubscriptionFilter.Dimension: [String]] = [:]
            for dimension in SubscriptionFilter.Dimension.allCases {
                guard let texts = inner.strings(dimension.rawValue, upTo: 100) else { continue }
                values[dimension] = texts
                guard let known = dimension.knownValues else { continue }
                if let unknown = texts.first(where: { !known.contains($0) }) {
                    inner.refuse(
                        dimension.rawValue, "invalid_enum",
                        "`\(unknown)` never occurs. Those there are: \(known.joined(separator: ", ")).")
                }
            }
            inner.finish(known: SubscriptionFilter.Dimension.allCases.map(\.rawValue))
            reader.refuse(inner.mistakes)
            terms.filter = SubscriptionFilter(values)
        }
        if !(terms.events ?? EventTypes.all).contains(where: terms.filter.canMatch) {
            reader.refuse(
                "filter", "never_matches",
                "No event of the chosen types carries all of these: exports carry report, report_type and source, "
                    + "schedules report, imports object. Make a subscription for each.")
        }
    }

    private func readHeaders(_ reader: inout MemberReader, into terms: inout SubscriptionTerms) {
        guard let value = reader.take("headers") else { return }
        guard value.isNull || value.object != nil else {
            reader.refuse("headers", "invalid_type", "An object of strings.")
            return
        }
        let (headers, mistakes) = WebhookHeaders.read(value.object ?? [:])
        reader.refuse(mistakes)
        terms.headers = headers
    }

    private func readRate(_ reader: inout MemberReader, into terms: inout SubscriptionTerms) {
        guard let value = reader.take("rate_per_second") else { return }
        guard value.isNull || value.integer.map(RateLimit.range.contains) == true else {
            reader.refuse(
                "rate_per_second", "out_of_range",
                "A whole number from \(RateLimit.range.lowerBound) to \(RateLimit.range.upperBound); null for no limit."
            )
            return
        }
        terms.ratePerSecond = value.integer.map { Int($0) }
    }

    private func readSchedule(_ reader: inout MemberReader, into terms: inout SubscriptionTerms) {
        guard let value = reader.take("retry_schedule") else { return }
        if value.isNull {
            terms.retrySchedule = nil
            return
        }
        let parts: [String]? =
            switch value {
            case .string(let text): text.isEmpty ? [] : text.split(separator: ",").map { $0.filter { $0 != " " } }
            case .array(let values): values.map { $0.string ?? $0.integer.map { "\($0)s" } ?? "" }
            default: nil
            }
        let intervals = parts?.compactMap { DurationText.parse($0) }
        guard let intervals, intervals.count == parts?.count, intervals.count <= 30,
            intervals.allSatisfy({ $0 <= .seconds(7 * 86_400) })
        else {
            reader.refuse(
                "retry_schedule", "invalid_schedule",
                "The waits between attempts, such as \"5s,30s,2m,1h\": no more than 30, each up to 7d; null for the "
                    + "common schedule.")
            return
        }
        terms.retrySchedule = RetrySchedule(intervals)
    }

    private func readSecret(_ reader: inout MemberReader, into terms: inout SubscriptionTerms) {
        guard let secret = Self.secret(&reader) else { return }
        terms.secrets = [LiveSecret(secret, keyPair: terms.secrets.first?.keyPair)]
    }

    private static func secret(_ reader: inout MemberReader) -> SigningSecret? {
        guard let value = reader.take("secret"), !value.isNull else { return nil }
        if let text = value.string, text.hasPrefix(SigningSecret.prefix), let secret = SigningSecret(parsing: text) {
            return secret
        }
        reader.refuse(
            "secret", "invalid_secret",
            "`whsec_` and the base 64 of 24 to 64 random bytes; leave it out to be given one.")
        return nil
    }

    /// After the secret, beside which the key pair is kept.
    private func readSignatures(_ reader: inout MemberReader, into terms: inout SubscriptionTerms) {
        guard let texts = reader.strings("signatures", upTo: 2) else { return }
        let versions = texts.compactMap(SubscriptionTerms.SignatureVersion.init)
        guard versions.count == texts.count, texts.isEmpty || versions.contains(.v1) else {
            reader.refuse("signatures", "invalid_enum", "[\"v1\"], or [\"v1\", \"v1a\"]: v1 signs always.")
            return
        }
        terms.signatures = versions.contains(.v1a) ? [.v1, .v1a] : [.v1]
    }

    // MARK: Rotation

    /// The body of a rotation. Throws `FanoutError.invalid`.
    func rotation(from body: JSONValue) throws(FanoutError) -> SecretRotation {
        var reader = try reader(of: body)
        let grace = reader.integer("grace", in: 0...SecretRotation.longestGrace, orNull: SecretRotation.defaultGrace)
        let secret = Self.secret(&reader)
        reader.finish(known: ["grace", "secret"])
        guard reader.mistakes.isEmpty else { throw .invalid(reader.mistakes) }
        return SecretRotation(grace: .seconds(grace ?? SecretRotation.defaultGrace), secret: secret ?? .random())
    }
}

extension SubscriptionFilter.Dimension {
    /// Nil where any value may occur.
    var knownValues: [String]? {
        switch self {
        case .report, .reportType: nil
        case .source: ["api", "in_app", "scheduled"]
        case .object: ["partners", "customers", "transactions", "rewards", "leads", "deals"]
        }
    }
}
