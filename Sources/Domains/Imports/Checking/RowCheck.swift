import CSV
import CausewayCore

/// What the reader says of a file when it has been read.
struct FileVerdict {
    let failure: CSVProblem?
    let hasRecords: Bool
    let dialect: CSVDialect
    let encoding: CSVEncoding
    /// The file's bytes are not those of its text in UTF-8.
    let isTranscoded: Bool
    let byteCount: Int
}

extension FileVerdict {
    init(_ reader: borrowing CSVFileReader) {
        self.init(
            failure: reader.failure, hasRecords: reader.recordCount > 0, dialect: reader.dialect,
            encoding: reader.encoding, isTranscoded: reader.isTranscoded, byteCount: reader.byteCount)
    }
}

/// Counts rows, keeps the first problems and marks where pieces begin. The first record is the header.
struct RowCheck: Sendable {
    let schema: ObjectSchema?
    let firstProblems: Int
    private(set) var summary = ImportSummary(object: .partners)
    private var validator = RowValidator(plan: RowPlan())
    private var work = RowValidator.Work()
    private var identifier: RowIdentifier?
    private var identities = RowIdentifier.Work()
    /// Of the rows read last.
    private var newest: [RowEntry] = []
    /// The identities of all others: sorted where they are asked for again, else only for what is there twice.
    private var log: RowLog?
    private var partitions: RowPartitions?
    /// The content of all rows that keep the rules, and their number.
    private var content = RowIdentity.zero
    private var contentRows = 0
    private var text: ProblemText?
    private var amounts = AmountTotals()
    private var emptyAmounts = AmountTotals()
    private var isSpelledAsVendor = false
    private static let newestCount = 256

    /// Stands in while the real one is at work.
    static let placeholder = RowCheck()

    private init() {
        schema = nil
        firstProblems = 0
    }

    init(schema: ObjectSchema, chunkRows: Int, firstProblems: Int, scratch: RowScratch) {
        self.schema = schema
        self.firstProblems = firstProblems
        if schema.remembersRows { log = RowLog(scratch) } else { partitions = RowPartitions(scratch) }
        summary = ImportSummary(object: schema.object)
        summary.offsets = ChunkOffsets(rowsEach: chunkRows)
        summary.firstProblemLimit = firstProblems
    }

    mutating func take(
        _ record: CSVRecord, _ bytes: RawSpan, _ cells: Span<CSVCell>, _ report: ImportCheck.Report
    ) throws {
        guard record.number > 0 else {
            try readHeader(record, bytes, cells, report)
            return
        }
        switch validator.verdict(record, bytes, cells, &work) {
        case .blank:
            summary.blankRows &+= 1
            summary.leftOutRows.insert(record.number)
        case .valid:
            summary.totalRows &+= 1
            summary.validRows &+= 1
            amounts.add(bytes, cells)
            summary.offsets.add(from: record.byteOffset, to: record.byteOffset &+ record.byteCount)
            try remember(record, bytes, cells)
        case .invalid:
            summary.totalRows &+= 1
            try reject(record, bytes, cells, work.faults, report)
        }
    }

    /// Begins the checking of other rows of the same file, once its header has been read.
    func findings() -> BlockFindings {
        BlockFindings(validator, identifier, emptyAmounts, room: ImportCheck.problemLimit - summary.storedProblems)
    }

    /// Takes what somebody else found out about the records from `start` on. Where pieces begin is not marked in these.
    mutating func absorb(_ found: BlockFindings, from start: CSVPosition, _ report: ImportCheck.Report) throws {
        summary.blankRows += found.blankRows.count
        for number in found.blankRows { summary.leftOutRows.insert(number + start.number - 1) }
        summary.validRows += found.validRows
        summary.totalRows += found.validRows + found.rejected.count
        amounts.add(found.amounts)
        content.combine(found.content)
        contentRows &+= found.validRows
        try keepNewest()
        try keep(found.entries, behind: UInt32(clamping: start.number - 1))
        for (index, row) in found.rejected.enumerated() {
            if index < found.kept.count, hasRoom {
                let kept = found.kept[index]
                try unsafe reject(
                    kept.record.moved(to: start), kept.bytes.span.bytes, kept.cells.span, kept.faults, report)
            } else {
                summary.totalProblems += Int(row.problems)
                let place = row.position.moved(to: start)
                let end = place.byteOffset + row.byteCount
                summary.leftOutRows.insert(place.number)
                try report(.rejected(row: place.number, line: place.line, bytes: place.byteOffset..<end))
            }
        }
    }

    private mutating func remember(_ record: CSVRecord, _ bytes: RawSpan, _ cells: Span<CSVCell>) throws {
        guard let identifier else { return }
        content.combine(identifier.identify(record.number, bytes, cells, &identities, to: &newest))
        contentRows &+= 1
        if newest.count >= Self.newestCount { try keepNewest() }
    }

    private mutating func keepNewest() throws {
        var entries: [RowEntry] = []
        swap(&entries, &newest)
        try keep(entries, behind: 0)
        entries.removeAll(keepingCapacity: true)
        swap(&entries, &newest)
    }

    /// - Parameter before: the rows before the one that is 0 here.
    private mutating func keep(_ entries: [RowEntry], behind before: UInt32) throws {
        for var entry in entries {
            entry.row &+= before
            try log?.append(entry)
            try partitions?.append(entry)
        }
    }

    private mutating func reject(
        _ record: CSVRecord, _ bytes: RawSpan, _ cells: Span<CSVCell>, _ faults: [RowFault],
        _ report: ImportCheck.Report
    ) throws {
        summary.leftOutRows.insert(record.number)
        try report(.rejected(row: record.number, line: record.line, bytes: record.byteOffset..<record.endOffset))
        guard let text else { return }
        if let structural = record.problem {
            summary.totalProblems += 1
            if hasRoom { try keep(text.problem(structural, record, bytes, cells), report) }
            return
        }
        summary.totalProblems += faults.count
        for fault in faults {
            guard hasRoom else { return }
            try keep(text.problem(fault, record, bytes, cells), report)
        }
    }

    private var hasRoom: Bool { summary.storedProblems < ImportCheck.problemLimit }

    private mutating func keep(_ problem: RowProblem, _ report: ImportCheck.Report) throws {
        summary.storedProblems += 1
        if summary.firstProblems.count < firstProblems { summary.firstProblems.append(problem) }
        try report(.problem(problem))
    }

    /// A problem of the file itself.
    private mutating func refuse(_ problem: RowProblem, _ report: ImportCheck.Report) throws {
        summary.isRefused = true
        summary.totalProblems += 1
        if hasRoom { try keep(problem, report) }
    }

    private mutating func readHeader(
        _ record: CSVRecord, _ bytes: RawSpan, _ cells: Span<CSVCell>, _ report: ImportCheck.Report
    ) throws {
        guard let schema else { return }
        let names = cells.indices.map { cells[$0].text(in: bytes) }
        let header = HeaderCheck(schema: schema, names: names, line: record.line, byteOffset: record.byteOffset)
        validator = RowValidator(plan: header.plan)
        emptyAmounts = AmountTotals(fields: header.plan.fields)
        amounts = emptyAmounts
        identifier = RowIdentifier(schema: schema, plan: header.plan)
        text = ProblemText(schema: schema, plan: header.plan)
        isSpelledAsVendor = header.isSpelledAsVendor
        summary.header = header.plan.names
        summary.headerBytes = record.byteOffset..<record.endOffset
        summary.offsets.headerLength = record.endOffset
        for problem in header.problems { try refuse(problem, report) }
    }

    /// - Parameter threads: what else there is, beside the one that calls.
    mutating func finish(
        _ file: FileVerdict, with threads: CheckThreads? = nil, _ report: ImportCheck.Report
    ) throws -> ImportSummary {
        summary.amounts = amounts.totals
        summary.byteCount = file.byteCount
        summary.dialect = file.dialect
        summary.encoding = file.encoding
        if let failure = file.failure {
            // A byte that is no text in row 7 is no matter of the header.
            let row =
                failure.byteOffset >= summary.headerBytes.upperBound && file.hasRecords
                ? summary.totalRows + summary.blankRows + 1 : nil
            var problem = ProblemText.problem(failure, row: row, encoding: file.encoding)
            if let cell = failure.cell, summary.header.indices.contains(cell) {
                problem.column = summary.header[cell].showingNUL
            }
            try refuse(problem, report)
        } else if !file.hasRecords {
            try refuse(
                RowProblem(code: .emptyFile, message: "The file is empty. Send a header and at least one row."), report)
        } else if summary.totalRows == 0 {
            try refuse(
                RowProblem(
                    line: 1, code: .noRows, message: "The file has a header, but no rows. Add at least one."), report)
        }
        try findDuplicates(with: threads)
        summary.isAsVendorReads = file.dialect.isPlain && !file.isTranscoded && isSpelledAsVendor
        return summary
    }

    private mutating func findDuplicates(with threads: CheckThreads?) throws {
        let whole = content.sealed(count: contentRows)
        summary.contentDigest = Digest.sha256Hex("rows \(whole.high) \(whole.low) \(contentRows)")
        try keepNewest()
        var search = DuplicateSearch()
        if let rows = partitions?.close() {
            search = try PartitionSearch.run(
                rows, comparesBesideKeys: schema?.comparesBesideKeys ?? false, with: threads)
        }
        if let rows = try log?.sort({ search.take($0) }) { summary.sortedRows = rows }
        summary.lateWarnings = search.warnings
        summary.refuse(search.refused, search.errors)
    }
}

extension ImportSummary {
    /// Rejects rows that keep the rules all the same.
    mutating func refuse(_ rows: RowSet, _ findings: LateFindings) {
        let before = leftOutRows.count
        leftOutRows.formUnion(rows)
        lateRows.formUnion(rows)
        validRows -= leftOutRows.count - before
        totalProblems += findings.total
        lateErrors = lateErrors.joined(with: findings)
    }
}
