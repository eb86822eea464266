public import CSV

/// An `ImportCheck` that uses several processors, for files that are at hand as fast as they can be read. The same
/// comes out, in the same order, save where the pieces to forward begin (`ImportSummary.offsets`); findings come a few blocks later than their bytes.
///
/// The file is cut into blocks behind line ends, and each is checked as if a record began with it. That is a guess: a
/// line end may stand between quotes. So a block counts only where the one before it ended between two records;
/// otherwise the reader of that one reads on through it, and what was found out for nothing is dropped. The header, and
/// files whose bytes are not UTF-8 or whose lines end with a CR alone, are read by the sequential reader.
public struct ParallelImportCheck: ~Copyable {
    private let blockSize: Int
    private let threadCount: Int
    private var opening: CSVFileReader
    private var rows: RowCheck
    /// Nil while, or where for good, all is read in sequence.
    private var threads: CheckThreads?
    /// What is not handed out yet.
    private var waiting: [UInt8] = []
    /// How many of these are waited for.
    private var room: Int
    /// The blocks under way, in order.
    private var jobs: [BlockJob] = []
    /// A block's reader that ended within a record.
    private var unfinished: BlockJob.Outcome?
    /// Where the oldest block, or the unfinished one, begins.
    private var start = CSVPosition.behindHeader
    private var lineEnds: CSVDialect.LineEnds = []
    private var failure: CSVProblem?
    private var byteCount = 0

    /// - Parameters:
    ///   - charset, firstProblems, scratch: as for `ImportCheck`.
    ///   - threads: processors to use, this one among them.
    ///   - blockSize: bytes that are checked at once. Memory: about ten times that for each thread.
    public init(
        schema: ObjectSchema, charset: CSVCharset? = nil, firstProblems: Int = 100, threads: Int = 2,
        blockSize: Int = 256 << 10, scratch: RowScratch = .temporary
    ) {
        precondition(threads > 0 && blockSize > 0)
        self.blockSize = blockSize
        room = blockSize
        threadCount = threads
        opening = CSVFileReader(declared: charset, isKnownHeader: { schema.knows(header: $0) })
        // Nothing goes out from here, so nobody asks for the sorted rows again: they need not be written down.
        var forgetful = schema
        forgetful.remembersRows = false
        rows = RowCheck(schema: forgetful, chunkRows: .max, firstProblems: firstProblems, scratch: scratch)
    }

    deinit { threads?.close() }

    /// Rows checked so far, for progress.
    public var rowsRead: Int { rows.summary.totalRows }

    /// Problems met in these, for progress.
    public var problemsFound: Int { rows.summary.totalProblems }

    /// As `ImportCheck.isHopeless`.
    public var isHopeless: Bool { failure != nil || (threads == nil && opening.isHopeless) }

    /// As `ImportCheck.feed`.
    public mutating func feed(_ bytes: RawSpan, _ report: ImportCheck.Report) throws {
        byteCount += bytes.byteCount
        guard failure == nil else { return }
        var rest = 0
        if threads == nil {
            rest = Self.lastLineEnd(in: bytes, of: blockSize) ?? min(blockSize, bytes.byteCount)
            try read(bytes.extracting(first: rest), report)
            begin()
            if threads == nil {
                try read(bytes.extracting(droppingFirst: rest), report)
                return
            }
        }
        while rest < bytes.byteCount {
            let part = bytes.extracting(droppingFirst: rest).extracting(first: room - waiting.count)
            waiting.reserveCapacity(room)
            unsafe part.withUnsafeBytes { unsafe waiting.append(contentsOf: $0) }
            rest += part.byteCount
            try handOutFull(report)
        }
    }

    /// Reads the file's next bytes straight to where they are checked.
    /// - Parameter read: puts bytes into the room it gets, from its beginning, and says how many these are; 0 is the end
    ///   of the file. What it throws is thrown on.
    /// - Returns: how many bytes were read.
    public mutating func feed(
        _ report: ImportCheck.Report, from read: (UnsafeMutableRawBufferPointer) throws -> Int
    ) throws -> Int {
        var count = 0
        guard threads != nil, failure == nil else {
            var bytes = [UInt8](repeating: 0, count: blockSize)
            count = try unsafe bytes.withUnsafeMutableBytes { try unsafe read($0) }
            try unsafe feed(bytes.span.bytes.extracting(first: count), report)
            return count
        }
        try waiting.append(addingCapacity: room - waiting.count) { output in
            try unsafe output.withUnsafeMutableBufferPointer { buffer, filled in
                count = try unsafe read(UnsafeMutableRawBufferPointer(buffer))
                filled = count
            }
        }
        byteCount += count
        try handOutFull(report)
        return count
    }

    /// As `ImportCheck.finish`.
    public mutating func finish(_ report: ImportCheck.Report) throws -> ImportSummary {
        guard threads != nil else { return try finishSequentially(report) }
        if !waiting.isEmpty { try handOut(waiting.count, report) }
        while !jobs.isEmpty { try settleOldest(report) }
        if failure == nil, var last = unfinished.take() {
            last.finish()
            try settle(last, report)
        }
        let dialect = opening.dialect.joined(lineEnds)
        return try rows.finish(
            FileVerdict(
                failure: failure, hasRecords: true, dialect: dialect, encoding: .utf8, isTranscoded: false,
                byteCount: byteCount), with: threads, report
        ).withoutOffsets
    }

    // MARK: In sequence

    private mutating func read(_ bytes: RawSpan, _ report: ImportCheck.Report) throws {
        var rows = RowCheck.placeholder
        swap(&rows, &self.rows)
        defer { swap(&rows, &self.rows) }
        try opening.feed(bytes) { record, bytes, cells in try rows.take(record, bytes, cells, report) }
    }

    private mutating func finishSequentially(_ report: ImportCheck.Report) throws -> ImportSummary {
        var rows = RowCheck.placeholder
        swap(&rows, &self.rows)
        try opening.finish { record, bytes, cells in try rows.take(record, bytes, cells, report) }
        return try rows.finish(FileVerdict(opening), report).withoutOffsets
    }

    /// Goes over to blocks where that can be: the header is known, and the last byte read ended a line.
    private mutating func begin() {
        guard opening.recordCount > 0,
            !opening.dialect.lineEnds.isDisjoint(with: [.lineFeed, .carriageReturnLineFeed]),
            let position = opening.handOver
        else { return }
        start = position
        threads = CheckThreads(count: threadCount - 1)
    }

    // MARK: In blocks

    /// One past the last LF before `end`.
    private static func lastLineEnd(in bytes: RawSpan, of end: Int) -> Int? {
        let span = Span<UInt8>(_bytes: bytes)
        var index = min(end, span.count)
        while index > 0 {
            if span[index &- 1] == 0x0A { return index }
            index &-= 1
        }
        return nil
    }

    /// Hands out what waits, as far as its last line goes, once there is a block of it.
    private mutating func handOutFull(_ report: ImportCheck.Report) throws {
        guard waiting.count >= room else { return }
        if let end = unsafe Self.lastLineEnd(in: waiting.span.bytes, of: waiting.count) {
            try handOut(end, report)
        } else if room < 4 * blockSize {
            room *= 2
        } else {
            // Without a line end anywhere all borders are alike: the guess will be wrong and cost nothing but time.
            try handOut(waiting.count, report)
        }
    }

    private mutating func handOut(_ count: Int, _ report: ImportCheck.Report) throws {
        var bytes: [UInt8] = []
        swap(&bytes, &waiting)
        room = blockSize
        guard failure == nil, let threads else { return }
        if count < bytes.count {
            while room <= bytes.count - count { room *= 2 }
            waiting.reserveCapacity(room)
            waiting.append(contentsOf: bytes[count...])
            bytes.removeLast(bytes.count - count)
        }
        let job = BlockJob(bytes, rows.findings(), delimiter: opening.dialect.delimiter)
        jobs.append(job)
        threads.add { job.run() }
        // So many that the others have enough to do while findings are put away here.
        while jobs.count > 5 * threadCount { try settleOldest(report) }
    }

    private mutating func settleOldest(_ report: ImportCheck.Report) throws {
        let job = jobs.removeFirst()
        while !job.isDone, threads?.help() ?? false {}
        let outcome = job.take()
        guard failure == nil else { return }
        if var before = unfinished.take() {
            before.feed(job.bytes)
            try settle(before, report)
        } else {
            try settle(outcome, report)
        }
    }

    /// Takes a block's findings, or waits for the rest of its last record.
    private mutating func settle(_ outcome: consuming BlockJob.Outcome, _ report: ImportCheck.Report) throws {
        if let found = outcome.reader.failure {
            failure = found.moved(to: start)
        } else if !outcome.reader.isBetweenRecords, !outcome.isFinished {
            unfinished = .some(outcome)
            return
        }
        try rows.absorb(outcome.findings, from: start, report)
        lineEnds.formUnion(outcome.reader.dialect.lineEnds)
        start = outcome.reader.position.moved(to: start)
    }
}

extension ImportSummary {
    fileprivate var withoutOffsets: ImportSummary {
        var summary = self
        summary.offsets = ChunkOffsets(rowsEach: 1)
        return summary
    }
}
