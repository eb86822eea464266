public import CausewayCore

/// One uploaded file.
///
///     rejected   validated
///     awaiting_approval ──approve──▶ forwarding ──▶ completed
///            │                        │  ▲  │ ╲
///            │                        │  │  │  ╲──lost answer──▶ needs_attention ──imported──▶ completed
///            ▼                        ▼ retry▼                        │
///         cancelled ◀───────────────── failed ◀──not imported─────────┘
///
/// Cancelled while a piece is on its way, it stays where it is until that one's end is known (`cancelRequestedAt`).
///
/// Pure: every change is a method that returns what must follow; the caller writes state, events and work in one
/// transaction. All content is forwarded at most once unless a person says otherwise or the vendor is known to take
/// the same rows twice without harm (`isResendable`).
public struct Import: Sendable, Equatable {
    public let id: ImportID
    public let object: ImportObject
    public let mode: ImportMode
    public internal(set) var state: ImportState
    /// The vendor's group of leads and deals.
    public let group: String?
    /// Partners only.
    public let sendsInvites: Bool
    public let filename: String?
    /// What was received, decoded.
    public let file: ImportFileFacts
    public let rows: ImportRowCounts
    public let problems: ImportProblemCounts
    /// What the valid rows come to, by currency.
    public let amounts: [AmountTotal]
    /// Why it waits, or waited, for approval.
    public let approvalReasons: [ApprovalReason]
    /// Until when it may be approved.
    public let approvalExpiresAt: Timestamp?
    /// What was told and refused nothing.
    public var warnings = ImportProblemCounts(total: 0, stored: 0, first: [])
    /// What is the same in a second upload of the same rows, however they are written; nil in an import of an earlier
    /// version.
    public var contentFingerprint: String?
    /// Its rows are remembered, and held against those of other imports of the same scope; nil where that is not so.
    public var rowScope: String?
    /// The bytes forwarded are not those received: valid rows alone, or rewritten as the importer reads them.
    public let isRewritten: Bool
    /// A second sending of the same rows does no harm.
    public let isResendable: Bool
    /// Uploaded with `force=true`: no other import's sameness is looked at.
    public let isForced: Bool
    /// The key that uploaded it.
    public let caller: String
    public let cut: ImportCut
    /// How many of the pieces are through: always the first ones.
    public internal(set) var takenChunks = 0
    /// Those of `cut.shown(after: takenChunks)`: with them the one whose turn it is.
    public internal(set) var chunks: [ImportChunk] = []
    /// Somebody took it back while a piece was on its way, or not known to have arrived: nothing goes out after that.
    public internal(set) var cancelRequestedAt: Timestamp?
    public internal(set) var error: ImportError?
    public let createdAt: Timestamp
    public internal(set) var endedAt: Timestamp?
    /// Grows whenever a person sets it going again, so that the same kind of end is told again.
    public internal(set) var round = 0
    /// Grows with each change that is stored.
    public internal(set) var revision: Int64 = 0

    /// Rows that the vendor's importer took.
    public var forwardedRows: Int { cut.rows(inFirst: takenChunks) }

    /// The piece whose turn it is; nil where all are through.
    public var currentChunk: ImportChunk? { currentIndex.map { chunks[$0] } }

    var currentIndex: Int? { chunks.firstIndex { $0.number == takenChunks + 1 } }

    /// Fills `chunks`; those not begun are pending.
    mutating func show(_ begun: [Int: ImportChunk] = [:]) {
        chunks = cut.shown(after: takenChunks).map { begun[$0] ?? ImportChunk(number: $0, rows: cut.rows(of: $0)) }
    }

    /// Rows neither forwarded nor handed back as bad ones.
    public var unprocessedRows: Int {
        mode == .validRows && state != .rejected ? rows.valid - forwardedRows : rows.total - forwardedRows
    }

    /// What is the same in a second upload of the same bytes.
    public var fingerprint: String { Self.fingerprint(object, group: group, sha256: file.sha256) }

    /// Rows of one object and group are held against one another.
    static func rowScope(_ object: ImportObject, group: String?) -> String { "\(object.rawValue) \(group ?? "")" }

    static func fingerprint(_ object: ImportObject, group: String?, sha256: String) -> String {
        Digest.sha256Hex("\(object.rawValue)\n\(sha256)\n\(group ?? "")")
    }

    /// Whether it forwarded something, or still may: such a one makes a second upload of the same a duplicate.
    /// One that failed with nothing forwarded does not; `retry` looks for others then.
    public var countsAsDuplicate: Bool {
        switch state {
        case .awaitingApproval, .forwarding, .needsAttention, .completed: true
        case .failed, .cancelled: forwardedRows > 0
        case .validated, .rejected: false
        }
    }
}

/// Of the bytes received.
public struct ImportFileFacts: Sendable, Hashable {
    public var size: Int64
    public var sha256: String
    public var encoding: String
    public var delimiter: String
    /// The bytes forwarded, or of a dry run those that would be, differ in more than left out rows: encoding, delimiter, line
    /// ends or header.
    public var isNormalized: Bool
    /// Rows of nothing but delimiters, which are passed over: in none of the counts.
    public var blankRows = 0
}

public struct ImportRowCounts: Sendable, Hashable {
    public var total: Int
    public var valid: Int
    public var invalid: Int { total - valid }
}

public struct ImportProblemCounts: Sendable, Hashable {
    public var total: Int
    public var stored: Int
    /// The first few, for an answer that shows some at once.
    public var first: [RowProblem]
}

/// A piece that is handed to the importer in one request.
public struct ImportChunk: Sendable, Hashable {
    /// From 1.
    public let number: Int
    public let rows: Int
    public internal(set) var state: ImportChunkState
    /// Sendings begun.
    public internal(set) var attempts = 0
    public internal(set) var sentAt: Timestamp?
    public internal(set) var answer: JSONValue?
    public internal(set) var resolution: ChunkResolution?

    public init(number: Int, rows: Int) {
        self.number = number
        self.rows = rows
        state = .pending
    }

}

/// What must follow a change of an import, in the transaction that stores it.
public enum ImportConsequence: Sendable, Hashable {
    case publish(ImportEventType)
    /// There is something to forward now.
    case forward
}
