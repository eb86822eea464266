import CausewayCore

/// What people decide about an import.
extension Import {
    /// Lets a held one go out.
    /// - Parameter approver: must not be the key that uploaded it.
    mutating func approve(by approver: String, at now: Timestamp) throws(ImportOperationError) -> [ImportConsequence] {
        guard approver != caller else { throw .ownApproval }
        switch state {
        case .awaitingApproval:
            if let approvalExpiresAt, approvalExpiresAt <= now { throw .approvalExpired(approvalExpiresAt) }
            state = .forwarding
            return [.forward]
        case .forwarding, .completed, .failed, .needsAttention: return []
        case .validated, .rejected, .cancelled: throw .notPossible("approved", state)
        }
    }

    /// Nobody has approved it in time.
    mutating func expire(at now: Timestamp) -> [ImportConsequence] {
        guard state == .awaitingApproval, let approvalExpiresAt, approvalExpiresAt <= now else { return [] }
        error = ImportError(
            code: "approval_expired",
            message: "Nobody approved it until \(approvalExpiresAt.rfc3339). Nothing was forwarded; upload it again.")
        return stop(at: now) + [.publish(.failed)]
    }

    /// Takes it back: nothing more goes out. While a chunk is on its way, or nobody knows whether it arrived, that is
    /// only noted, and the import is cancelled once it is known.
    mutating func cancel(at now: Timestamp) throws(ImportOperationError) {
        switch state {
        case .cancelled: return
        case .validated, .rejected, .completed: throw .notPossible("cancelled", state)
        case .awaitingApproval, .failed: _ = stop(at: now)
        case .forwarding, .needsAttention:
            switch currentChunk?.state {
            case .sending, .unknown: cancelRequestedAt = cancelRequestedAt ?? now
            default: _ = stop(at: now)
            }
        }
    }

    /// Goes on at the first chunk that is not through.
    mutating func retry() throws(ImportOperationError) -> [ImportConsequence] {
        if let current = currentChunk, current.state == .unknown { throw .unresolved(current.number) }
        switch state {
        case .forwarding where cancelRequestedAt == nil: return []
        case .failed, .needsAttention: break
        case .forwarding, .validated, .rejected, .awaitingApproval, .completed, .cancelled:
            throw .notPossible("retried", state)
        }
        if let index = currentIndex {
            chunks[index].state = .pending
            chunks[index].resolution = nil
        }
        state = .forwarding
        error = nil
        endedAt = nil
        round += 1
        return [.forward]
    }

    /// Writes down what a person found out about a chunk whose answer was lost.
    mutating func resolve(_ number: Int, as resolution: ChunkResolution, at now: Timestamp)
        throws(ImportOperationError) -> [ImportConsequence]
    {
        guard number >= 1, number <= cut.count else { throw .noSuchChunk(number) }
        guard let index = chunks.firstIndex(where: { $0.number == number }) else {
            throw .notUnknown(number, number <= takenChunks ? .forwarded : .pending)
        }
        if chunks[index].state == .resolved, chunks[index].resolution == resolution { return [] }
        guard chunks[index].state == .unknown else { throw .notUnknown(number, chunks[index].state) }
        chunks[index].state = .resolved
        chunks[index].resolution = resolution
        round += 1
        switch resolution {
        case .imported: return chunkThrough(at: now)
        case .notImported where cancelRequestedAt != nil: return stop(at: now)
        case .notImported:
            return fail(
                ImportError(
                    code: "not_imported",
                    message: """
                        A person found that the vendor's importer did not take it. \
                        POST /v1/imports/\(id)/retry sends it again.
                        """), at: now)
        }
    }
}
