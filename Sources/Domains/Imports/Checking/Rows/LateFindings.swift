import CausewayCore

/// What shows only when all rows are known: rows that are there twice, or were forwarded before.
struct LateFinding: BitwiseCopyable, Hashable, Sendable {
    enum Kind: UInt8, BitwiseCopyable, Sendable {
        case duplicateKey
        /// Said, and nothing more.
        case duplicateRow
        case alreadyForwarded

        var code: ProblemCode {
            switch self {
            case .duplicateKey: .duplicateKey
            case .duplicateRow: .duplicateRow
            case .alreadyForwarded: .rowAlreadyForwarded
            }
        }
    }

    var kind: Kind
    /// The data row that is meant, from 1.
    var row: UInt32
    /// The column it is the same in; `RowIdentifier.wholeRow` for all.
    var column: Int32
    /// The row that it repeats: of the same file, or of the earlier import.
    var other: UInt32
    /// The place of that import in `LateFindings.imports`.
    var otherImport: UInt16 = 0
    /// One of the two names a unique field and the other does not; they say the same besides.
    var isBesideKey = false

    static func isBefore(_ left: LateFinding, _ right: LateFinding) -> Bool {
        (left.row, left.column, left.kind.rawValue) < (right.row, right.column, right.kind.rawValue)
    }
}

/// The first findings in the file's order, however many there are and in whatever order they come.
struct LateFindings: Hashable, Sendable {
    static let limit = ImportCheck.problemLimit

    private var found: [LateFinding] = []
    /// Later rows than this one cannot be among the first.
    private var last = UInt32.max
    private(set) var total = 0

    mutating func add(_ finding: LateFinding) {
        total += 1
        guard finding.row <= last else { return }
        found.append(finding)
        guard found.count >= 2 * Self.limit else { return }
        found = first
        last = found.last?.row ?? .max
    }

    /// Those of both.
    func joined(with other: LateFindings) -> LateFindings {
        var joined = self
        for finding in other.found { joined.add(finding) }
        joined.total = total + other.total
        return joined
    }

    /// In the file's order, at most `limit`.
    var first: [LateFinding] { Array(found.sorted(by: LateFinding.isBefore).prefix(Self.limit)) }
}

/// What stands in a file twice.
struct DuplicateSearch {
    private(set) var errors = LateFindings()
    private(set) var warnings = LateFindings()
    /// Rows that repeat an earlier one's unique field.
    private(set) var refused = RowSet()
    private var first: RowEntry?
    /// The first of the same that names no unique field: only that one is repeated by a row that does.
    private var firstWithoutKey: RowEntry?

    /// Finds them in sorted entries.
    mutating func take(_ entries: Span<RowEntry>) {
        for index in entries.indices {
            let entry = entries[index]
            guard let first, first.identity == entry.identity else {
                first = entry
                firstWithoutKey = entry.isBesideKey ? nil : entry
                continue
            }
            if entry.isBesideKey {
                guard let other = firstWithoutKey else { continue }
                add(entry.row, RowIdentifier.wholeRow, first: other.row, isBesideKey: true)
            } else {
                add(entry.row, Int32(bitPattern: entry.mark), first: first.row, isBesideKey: first.isBesideKey)
                firstWithoutKey = firstWithoutKey ?? entry
            }
        }
    }

    /// - Parameters:
    ///   - column: `RowIdentifier.wholeRow` where all of the row is the same.
    ///   - first: the first row that says it.
    ///   - isBesideKey: all but a unique field that only one of them names.
    mutating func add(_ row: UInt32, _ column: Int32, first: UInt32, isBesideKey: Bool = false) {
        if column == RowIdentifier.wholeRow {
            warnings.add(
                LateFinding(kind: .duplicateRow, row: row, column: column, other: first, isBesideKey: isBesideKey))
        } else {
            refused.insert(Int(row))
            errors.add(LateFinding(kind: .duplicateKey, row: row, column: column, other: first))
        }
    }

    /// Adds what was found among other identities.
    mutating func join(_ other: DuplicateSearch) {
        errors = errors.joined(with: other.errors)
        warnings = warnings.joined(with: other.warnings)
        refused.formUnion(other.refused)
    }
}
