public import CausewayCore
public import Storage

public enum ImportKind: IdentifierKind { public static let prefix = "imp" }
public typealias ImportID = Identifier<ImportKind>

/// Where an import stands for its callers.
public enum ImportState: String, Sendable, CaseIterable, SQLConvertible {
    /// A dry run that was read to its end.
    case validated
    /// The file was not good enough for its mode: nothing of it was or will be forwarded.
    case rejected
    /// Good, and held until another key approves it.
    case awaitingApproval = "awaiting_approval"
    /// On its way to the vendor's importer.
    case forwarding
    /// The vendor's importer took all of it.
    case completed
    /// The vendor refused it, or a person said that it did not arrive. It can be tried again.
    case failed
    /// The vendor's answer was lost, and sending again could pay somebody twice: a person has to look.
    case needsAttention = "needs_attention"
    case cancelled

    /// Whether a caller who waits need wait no longer.
    public var standsStill: Bool { self != .forwarding }

    /// Nothing more can come of it: its file may go.
    public var isOver: Bool {
        switch self {
        case .validated, .rejected, .completed, .cancelled: true
        case .awaitingApproval, .forwarding, .failed, .needsAttention: false
        }
    }
}

/// What is done with a file.
public enum ImportMode: String, Sendable, CaseIterable, Codable, SQLConvertible {
    /// Forwarded byte for byte, or refused where one row is bad.
    case allOrNothing = "all_or_nothing"
    /// Header and good rows are forwarded, bad ones handed back.
    case validRows = "valid_rows"
    /// Checked only.
    case dryRun = "dry_run"
}

/// How far one piece of an import is on its way.
///
///     pending ──begin──▶ sending ──answer──▶ forwarded
///        ▲                 │ │ └──refusal──▶ failed ──retry──▶ pending
///        └─certainly not───┘ └──no answer, or died meanwhile──▶ unknown ──a person──▶ resolved
public enum ImportChunkState: String, Sendable, CaseIterable, SQLConvertible {
    case pending
    /// Written down before the request goes out: who finds it so after a crash knows that it may have gone out.
    case sending
    case forwarded
    /// It went out and nobody knows whether the vendor took it. It is never sent again by itself.
    case unknown
    case failed
    /// A person said what became of an unknown one: `ImportChunk.resolution`.
    case resolved
}

/// What a person found out about a chunk whose answer was lost.
public enum ChunkResolution: String, Sendable, CaseIterable, SQLConvertible {
    case imported
    case notImported = "not_imported"
}

/// What the outside is told.
public enum ImportEventType: String, Sendable, CaseIterable {
    case completed = "import.completed"
    case failed = "import.failed"
    case needsAttention = "import.needs_attention"
}

/// Why an import failed, or why it is not through yet.
public struct ImportError: Sendable, Hashable, Codable {
    /// Stable, snake_case.
    public var code: String
    public var message: String
    /// What the vendor said; null where it said nothing.
    public var vendor: JSONValue

    public init(code: String, message: String, vendor: JSONValue = .null) {
        self.code = code
        self.message = message
        self.vendor = vendor
    }

    public var json: JSONValue {
        ["code": .string(code), "message": .string(message), "vendor": vendor]
    }
}
