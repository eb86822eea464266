public import CausewayCore
import Storage

extension ImportOperations {
    public func find(_ id: ImportID) async throws -> Import {
        guard let found = try await context.engine.read({ [context] in try context.store.find(id, in: $0) }) else {
            throw ImportOperationError.notFound
        }
        return found
    }

    /// Holds the answer until the import stands still, or `deadline` is there.
    public func find(_ id: ImportID, waitingUntil deadline: Timestamp) async throws -> Import {
        let first = try await find(id)
        if first.state.standsStill { return first }
        return try await context.engine.signals.withSubscription(to: [ImportStore.topic(id)]) { signal in
            while true {
                let found = try await find(id)
                let now = context.time.now()
                guard !found.state.standsStill, now < deadline else { return found }
                // Looked at every two seconds besides: another gateway's signal may not come here.
                _ = try await signal.next(until: min(deadline, now + .seconds(2)), by: context.time)
            }
        }
    }

    /// Newest first. Each filter is any of its values, none where empty.
    public func list(
        _ page: PageRequest, object: [ImportObject] = [], state: [ImportState] = []
    ) async throws -> Page<Import> {
        try await context.engine.read { [context] in
            try context.store.list(page, object: object, state: state, in: $0)
        }
    }

    /// All pieces, in order.
    public func chunks(of id: ImportID, _ page: PageRequest) async throws -> Page<ImportChunk> {
        try await context.engine.read { [context] transaction in
            guard let found = try context.store.find(id, in: transaction) else { throw ImportOperationError.notFound }
            return try context.store.chunks(of: found, page, in: transaction)
        }
    }

    /// What is wrong with the file, in its order; the first `ImportCheck.problemLimit`.
    /// - Parameter warnings: what refused nothing, instead.
    public func problems(
        of id: ImportID, warnings: Bool = false, _ page: PageRequest
    ) async throws -> Page<RowProblem> {
        try await context.engine.read { [context] transaction in
            guard try context.store.find(id, in: transaction) != nil else { throw ImportOperationError.notFound }
            return try context.problems.list(page, warnings: warnings, of: id, in: transaction)
        }
    }
}
