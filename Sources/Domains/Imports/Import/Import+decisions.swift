import CausewayCore

/// What people decide about an import.
extension Import {
    /// Lets a held one go out.
    /// - Parameter approver: must not be the key that uploaded it.
    mutating func approve(by approver: String) throws(ImportOperationError) -> [ImportConsequence] {
        guard approver != caller else { throw .ownApproval }
        switch state {
        case .awaitingApproval:
            state = .forwarding
            return [.forward]
        case .forwarding, .completed, .failed, .needsAttention: return []
        case .validated, .rejected, .cancelled: throw .notPossible("approved", state)
        }
    }

    /// Takes it back as long as nothing of it is on its way.
    mutating func cancel(at now: Timestamp) throws(ImportOperationError) {
        switch state {
        case .cancelled: return
        case .validated, .rejected, .completed: throw .notPossible("cancelled", state)
        case .needsAttention: throw .unresolved(chunks.first { $0.state == .unknown }?.number ?? 1)
        case .awaitingApproval, .forwarding, .failed: break
        }
        if chunks.contains(where: { $0.state == .sending }) { throw .onItsWay }
        state = .cancelled
        endedAt = now
    }

    /// Goes on at the first chunk that is not through.
    mutating func retry() throws(ImportOperationError) -> [ImportConsequence] {
        if let unknown = chunks.first(where: { $0.state == .unknown }) { throw .unresolved(unknown.number) }
        switch state {
        case .forwarding: return []
        case .failed, .needsAttention: break
        case .validated, .rejected, .awaitingApproval, .completed, .cancelled: throw .notPossible("retried", state)
        }
        for index in chunks.indices where !chunks[index].isTaken {
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
        guard let index = chunks.firstIndex(where: { $0.number == number }) else { throw .noSuchChunk(number) }
        if chunks[index].state == .resolved, chunks[index].resolution == resolution { return [] }
        guard chunks[index].state == .unknown else { throw .notUnknown(number, chunks[index].state) }
        chunks[index].state = .resolved
        chunks[index].resolution = resolution
        round += 1
        switch resolution {
        case .imported:
            error = nil
            if chunks.allSatisfy(\.isTaken) { return complete(at: now) }
            state = .forwarding
            return [.forward]
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
