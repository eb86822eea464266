import CausewayCore

/// The imports that one is held against, so that nothing goes out twice.
struct OtherImports: Sendable {
    let own: ImportID
    /// Only those that did not come earlier.
    let from: Timestamp

    init(own: ImportID) {
        self.own = own
        from = Timestamp(milliseconds: 0)
    }

    /// Nil where it is held against none: it was forced. That is a word about what was there at its upload; what came
    /// after that it is held against when it is tried again.
    init?(of own: Import, isRetry: Bool) {
        guard !own.isForced || isRetry else { return nil }
        self.own = own.id
        from = own.isForced ? own.createdAt : Timestamp(milliseconds: 0)
    }

    func contains(_ other: RememberedImport.Mark) -> Bool { other.id != own && other.createdAt >= from }
}

extension Import {
    /// Of what was cancelled half-way the rest may come again, where each row is held against those that went out: nobody
    /// is to reach for `force`, which would send all of it. A failed one is tried again instead.
    func mayBringTheRest(of first: Import) -> Bool {
        first.state == .cancelled && mode == .validRows && rowScope != nil
    }
}
