import CSV

/// What checking some records in a row came to, for `RowCheck.absorb`. Places count from where the first one begins.
struct BlockFindings: Sendable {
    struct RejectedRow: BitwiseCopyable, Sendable {
        let position: CSVPosition
        let byteCount: Int
        let problems: Int32
    }

    /// All that is needed to put a row's problems into words.
    struct KeptRow: Sendable {
        let record: CSVRecord
        let bytes: [UInt8]
        let cells: [CSVCell]
        let faults: [RowFault]
    }

    private(set) var validRows = 0
    /// The numbers of rows of nothing but delimiters.
    private(set) var blankRows: [Int] = []
    private(set) var amounts: AmountTotals
    /// By what each valid row is known; `row` is its number here.
    private(set) var entries: [RowEntry] = []
    /// What all valid rows say together.
    private(set) var content = RowIdentity.zero
    private(set) var rejected: [RejectedRow] = []
    /// The first of `rejected`, as far as anybody may want their words.
    private(set) var kept: [KeptRow] = []
    private let validator: RowValidator
    private let identifier: RowIdentifier?
    private var identities = RowIdentifier.Work()
    private var work = RowValidator.Work()
    private var room: Int

    /// - Parameters:
    ///   - amounts: of no row yet.
    ///   - room: problems that will be put into words at most.
    init(_ validator: RowValidator, _ identifier: RowIdentifier?, _ amounts: AmountTotals, room: Int) {
        self.validator = validator
        self.identifier = identifier
        self.amounts = amounts
        self.room = room
    }

    mutating func take(_ record: CSVRecord, _ bytes: RawSpan, _ cells: Span<CSVCell>) {
        switch validator.verdict(record, bytes, cells, &work) {
        case .blank: blankRows.append(record.number)
        case .valid:
            validRows &+= 1
            amounts.add(bytes, cells)
            guard let identifier else { return }
            content.combine(identifier.identify(record.number, bytes, cells, &identities, to: &entries))
        case .invalid: reject(record, bytes, cells)
        }
    }

    private mutating func reject(_ record: CSVRecord, _ bytes: RawSpan, _ cells: Span<CSVCell>) {
        let problems = record.problem == nil ? work.faults.count : 1
        rejected.append(
            RejectedRow(
                position: CSVPosition(number: record.number, line: record.line, byteOffset: record.byteOffset),
                byteCount: record.byteCount, problems: Int32(clamping: problems)))
        guard room > 0 else { return }
        room -= problems
        kept.append(
            KeptRow(
                record: record, bytes: unsafe bytes.withUnsafeBytes { unsafe Array($0) },
                cells: cells.indices.map { cells[$0] }, faults: record.problem == nil ? work.faults : []))
    }
}
