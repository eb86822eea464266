import CausewayCore

/// The way to the vendor.
extension Import {
    enum ForwardStep: Equatable {
        /// The chunk is written down as going out.
        case send(chunk: Int)
        /// Nothing to send.
        case settled([ImportConsequence])
    }

    /// Takes up the first chunk that is not through. One found `sending` was cut short by a crash or a lost lease.
    mutating func takeUp(at now: Timestamp) -> ForwardStep {
        guard state == .forwarding else { return .settled([]) }
        guard let index = currentIndex else { return .settled(goOn(at: now)) }
        switch chunks[index].state {
        case .sending:
            if !mayBeSentAgain {
                return .settled(lose(index, "The gateway stopped before it read the vendor's answer.", at: now))
            }
        case .pending:
            if cancelRequestedAt != nil { return .settled(stop(at: now)) }
        case .forwarded, .unknown, .failed, .resolved:
            // A failed or unknown chunk belongs to another state of the import; a person goes on from there.
            return .settled([])
        }
        chunks[index].state = .sending
        chunks[index].attempts += 1
        chunks[index].sentAt = now
        return .send(chunk: chunks[index].number)
    }

    /// Without a person's word.
    private var mayBeSentAgain: Bool { isResendable && cancelRequestedAt == nil }

    /// The vendor took it. Also heeded where somebody had given the answer up for lost meanwhile.
    mutating func chunkTaken(_ number: Int, attempt: Int, answer: JSONValue, at now: Timestamp) -> [ImportConsequence] {
        guard let index = unsentSince(number, attempt) else { return [] }
        countLateAnswer(index)
        chunks[index].state = .forwarded
        chunks[index].resolution = nil
        chunks[index].answer = answer
        return chunkThrough(at: now)
    }

    /// The chunk whose turn it was is at the vendor.
    mutating func chunkThrough(at now: Timestamp) -> [ImportConsequence] {
        takenChunks += 1
        error = nil
        return goOn(at: now)
    }

    private mutating func goOn(at now: Timestamp) -> [ImportConsequence] {
        if takenChunks >= cut.count { return complete(at: now) }
        if cancelRequestedAt != nil || state == .cancelled { return stop(at: now) }
        if state == .failed {
            // Its other rows may have gone out with another import since: `retry` looks.
            return fail(
                ImportError(
                    code: "rest_not_sent",
                    message: """
                        The vendor took chunk \(takenChunks) after all; what is behind it has not been sent. \
                        POST /v1/imports/\(id)/retry sends it.
                        """), at: now)
        }
        state = .forwarding
        return [.forward]
    }

    /// The vendor will not take it, ever.
    mutating func chunkRefused(_ number: Int, attempt: Int, _ error: ImportError, at now: Timestamp)
        -> [ImportConsequence]
    {
        guard let index = openChunk(number, attempt) else { return [] }
        countLateAnswer(index)
        chunks[index].state = .failed
        chunks[index].answer = error.vendor.isNull ? nil : error.vendor
        if cancelRequestedAt == nil { return fail(error, at: now) }
        self.error = error
        return stop(at: now)
    }

    /// It was already told that the answer is lost: what is told now is another end.
    private mutating func countLateAnswer(_ index: Int) {
        if chunks[index].state == .unknown || chunks[index].state == .resolved { round += 1 }
    }

    /// It certainly did not reach the vendor, or the vendor certainly did nothing: it stays to be sent.
    mutating func chunkNotTaken(_ number: Int, attempt: Int, _ error: ImportError?, at now: Timestamp)
        -> [ImportConsequence]
    {
        guard let index = openChunk(number, attempt), chunks[index].state == .sending else { return [] }
        chunks[index].state = .pending
        if let error { self.error = error }
        return cancelRequestedAt == nil ? [] : stop(at: now)
    }

    /// It went out, and nobody knows what became of it.
    /// - Returns: nil where it may simply be sent again.
    mutating func chunkLost(_ number: Int, attempt: Int, _ words: String, answer: JSONValue?, at now: Timestamp)
        -> [ImportConsequence]?
    {
        guard let index = openChunk(number, attempt), chunks[index].state == .sending else { return [] }
        chunks[index].answer = answer
        if mayBeSentAgain {
            chunks[index].state = .pending
            error = ImportError(code: "vendor_answer_lost", message: words, vendor: answer ?? .null)
            return nil
        }
        return lose(index, words, at: now)
    }

    /// Also where a person took it for lost (`not_imported`): as long as it has not gone out again, the vendor's own word
    /// goes before.
    private func unsentSince(_ number: Int, _ attempt: Int) -> Int? {
        chunks.firstIndex { chunk in
            guard chunk.number == number, chunk.attempts == attempt else { return false }
            return switch chunk.state {
            case .sending, .unknown, .pending: true
            case .resolved: chunk.resolution == .notImported
            case .forwarded, .failed: false
            }
        }
    }

    private func openChunk(_ number: Int, _ attempt: Int) -> Int? {
        chunks.firstIndex {
            $0.number == number && $0.attempts == attempt && ($0.state == .sending || $0.state == .unknown)
        }
    }

    private mutating func lose(_ index: Int, _ words: String, at now: Timestamp) -> [ImportConsequence] {
        chunks[index].state = .unknown
        state = .needsAttention
        error = ImportError(
            code: "vendor_answer_lost",
            message: """
                \(words) Sending the same rows again could pay somebody twice. Look into PartnerStack whether they \
                arrived, then say so: POST /v1/imports/\(id)/chunks/\(chunks[index].number)/resolve.
                """,
            vendor: chunks[index].answer ?? .null)
        return [.publish(.needsAttention)]
    }

    mutating func complete(at now: Timestamp) -> [ImportConsequence] {
        state = .completed
        error = nil
        endedAt = now
        return [.publish(.completed)]
    }

    /// Ends it for whoever took it back: what is at the vendor stays there, nothing more goes out.
    mutating func stop(at now: Timestamp) -> [ImportConsequence] {
        state = .cancelled
        // One that had ended is remembered from then on, and no longer for being taken back.
        endedAt = endedAt ?? now
        return []
    }

    mutating func fail(_ error: ImportError, at now: Timestamp) -> [ImportConsequence] {
        state = .failed
        self.error = error
        endedAt = now
        return [.publish(.failed)]
    }
}
