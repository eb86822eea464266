/// Reads CSV as it arrives: bytes are pushed in at arbitrary borders, each record comes out as soon as its end is
/// known. Where the borders lie never changes what comes out. Memory stays flat: the bytes of one record at most
/// (`CSVLimits.record`) are held, and no text is made for a cell.
///
/// RFC 4180, and what people really send: ends of line may be LF, CRLF, CR or mixed; a byte order mark is left
/// out; lines without anything are passed over; a quote within an unquoted cell is an ordinary character.
///
/// What is wrong is a value, not a thrown error:
/// - `failure` ends the reading: binary files, bytes that are not UTF-8 (the same bytes cannot be read with sense
///   further on either), a header beyond its bounds, a header whose quotes do not close.
/// - `CSVRecord.problem` spoils one record; reading goes on after it. A quote that never closes would swallow the
///   rest of the file, so the record is cut at the end of the line where the quote opened, and the next line is
///   read afresh. After text behind a closing quote the rest of that line is taken without heeding quotes.
///   A record that is too long ends at the next end of line.
///
/// UTF-8 only: `CSVFileReader` reads other encodings.
@safe
public struct CSVReader: ~Copyable, @unchecked Sendable {
    /// - `bytes`: the record as it came, with its line end; `cells`: where its cells lie in `bytes`.
    public typealias Handler = (_ record: CSVRecord, _ bytes: RawSpan, _ cells: Span<CSVCell>) throws -> Void

    public let limits: CSVLimits
    /// Complete only when the file has been read.
    public internal(set) var dialect = CSVDialect()
    /// Why no more records come; further bytes are counted and dropped.
    public internal(set) var failure: CSVProblem?
    /// Records handed out, the header among them.
    public internal(set) var recordCount = 0
    /// Bytes fed so far.
    public private(set) var byteCount = 0

    enum CellState { case plain, quoted, afterQuote, restOfLine }

    /// Chooses the delimiter; nil where it was given.
    private let isKnownHeader: (@Sendable (String) -> Bool)?
    private var isOpened = false

    // The bytes that are still needed: `base` is the file's offset of the buffer's first byte. All other
    // positions are indices into the buffer. `ByteMask.width` bytes behind the capacity may be read, never used.
    var buffer: UnsafeMutableRawPointer
    var capacity: Int
    var filled = 0
    var base = 0
    var cells: UnsafeMutablePointer<CSVCell>

    /// The first byte not yet looked at.
    var next = 0
    var recordStart = 0
    var cellStart = 0
    var cellCount = 0
    var cellFlags: UInt32 = 0
    var state = CellState.plain
    /// Where the last quoted cell closed.
    var closedAt = 0
    /// The physical line the record begins at, and the ends of line passed within it.
    var line = 1
    var linesInside = 0
    var problem: CSVProblem?
    /// The first byte beyond ASCII not before the record; `Int.max` where none has been seen.
    var highAt = Int.max
    var openQuote = OpenQuote()
    /// The file's offset of a record whose end is only searched for, being too long.
    var skippedFrom: Int?

    /// Where the open quote stands, and the first end of line behind it: there the record is cut if the quote never closes.
    struct OpenQuote {
        var at = 0
        var linesBefore = 0
        var hasLineEnd = false
        var contentEnd = 0
        var lineEnd = 0
    }

    /// Bytes taken over at once; small enough to stay in the processor's cache.
    static let slice = 64 << 10

    public init(delimiter: CSVDelimiter = .comma, limits: CSVLimits = CSVLimits()) {
        self.init(delimiter: delimiter, isKnownHeader: nil, limits: limits)
    }

    /// Takes the delimiter under which most of the header's names are known; where none does better the one that a first
    /// line `sep=…` announces, or the comma. Such a line is passed over.
    public init(isKnownHeader: @escaping @Sendable (String) -> Bool, limits: CSVLimits = CSVLimits()) {
        self.init(delimiter: .comma, isKnownHeader: isKnownHeader, limits: limits)
    }

    /// Reads on behind some record of a file whose header has been read. Numbers, lines and offsets count from there
    /// (`CSVPosition.behindHeader`): where that is in the file is for the caller to know.
    public init(behindHeaderWith delimiter: CSVDelimiter, limits: CSVLimits = CSVLimits()) {
        self.init(delimiter: delimiter, isKnownHeader: nil, limits: limits)
        isOpened = true
        recordCount = 1
    }

    private init(
        delimiter: CSVDelimiter, isKnownHeader: (@Sendable (String) -> Bool)?, limits: CSVLimits
    ) {
        self.limits = limits
        self.isKnownHeader = isKnownHeader
        self.dialect.delimiter = delimiter
        self.capacity = 2 * Self.slice
        unsafe self.buffer = .allocate(byteCount: 2 * Self.slice + ByteMask.width, alignment: 16)
        unsafe self.buffer.initializeMemory(as: UInt8.self, repeating: 0, count: 2 * Self.slice + ByteMask.width)
        unsafe self.cells = .allocate(capacity: limits.columns)
    }

    deinit {
        unsafe buffer.deallocate()
        unsafe cells.deallocate()
    }

    /// Hands out every record that ends within the bytes fed so far. What `handler` throws is thrown on;
    /// the reader must not be used any more then.
    public mutating func feed(_ bytes: RawSpan, _ handler: Handler) throws {
        let offset = byteCount
        byteCount += bytes.byteCount
        try unsafe bytes.withUnsafeBytes { source in
            var taken = 0
            while taken < source.count, failure == nil {
                let count = min(Self.slice, source.count - taken)
                makeRoom(for: count)
                let part = unsafe UnsafeRawBufferPointer(rebasing: source[taken..<taken + count])
                unsafe (buffer + filled).copyMemory(from: part.baseAddress.unsafelyUnwrapped, byteCount: count)
                filled += count
                taken += count
                if !isOpened { open(isWhole: false, newest: count) }
                if isOpened { try scan(isFinal: false, handler) }
            }
        }
        assert(failure != nil || base + filled == offset + bytes.byteCount)
    }

    /// The end of the file: hands out what was waiting for it.
    public mutating func finish(_ handler: Handler) throws {
        if !isOpened, failure == nil { open(isWhole: true, newest: filled) }
        if failure == nil { try scan(isFinal: true, handler) }
    }

    /// What stands before the header, and the delimiter.
    private mutating func open(isWhole: Bool, newest: Int) {
        let bound = limits.header + 64
        let hasNewLineEnd = (filled - newest..<filled).contains {
            let byte = unsafe buffer.load(fromByteOffset: $0, as: UInt8.self)
            return byte == CSVByte.lineFeed || byte == CSVByte.carriageReturn
        }
        guard isWhole || hasNewLineEnd || filled >= bound else { return }
        let isCertain = isWhole || filled >= bound
        let bytes = unsafe [UInt8](UnsafeRawBufferPointer(start: buffer, count: min(filled, bound)))
        let hasMark = bytes.starts(with: CSVOpening.byteOrderMark)
        var text = bytes[(hasMark ? CSVOpening.byteOrderMark.count : 0)...]
        guard var header = CSVOpening.headerLine(of: text, isWhole: isCertain) else { return }
        let separator = isKnownHeader == nil ? nil : CSVOpening.separatorLine(of: text)
        if let separator {
            text = text.dropFirst(separator.byteCount)
            guard let following = CSVOpening.headerLine(of: text, isWhole: isCertain) else { return }
            header = following
        }
        isOpened = true
        if let foreign = CSVOpening.foreignKind(bytes) {
            failure = CSVProblem(foreign.code, line: 1, byteOffset: 0, kind: foreign.kind)
            return
        }
        if let isKnownHeader {
            dialect.delimiter = CSVOpening.delimiter(
                of: header, announced: separator?.delimiter ?? .comma, isKnown: isKnownHeader)
        }
        dialect.hasByteOrderMark = hasMark
        if separator != nil {
            dialect.hasSeparatorLine = true
            line = 2
        }
        next = text.startIndex
        recordStart = next
        cellStart = next
    }

    /// Every byte fed so far belongs to a record that has been handed out (or to a blank line): whoever begins here
    /// reads the same as who reads on.
    public var isBetweenRecords: Bool {
        isOpened && failure == nil && recordStart == filled && skippedFrom == nil
    }

    /// Where the next record begins, or a blank line before it. Meaningful while `isBetweenRecords`.
    public var position: CSVPosition {
        CSVPosition(number: recordCount, line: line, byteOffset: base + recordStart)
    }

    /// A problem where the bytes end that were read.
    func problemAtEnd(_ code: CSVProblem.Code) -> CSVProblem {
        CSVProblem(code, line: line, byteOffset: base + filled)
    }

    /// Drops what has been handed out and grows where a record is longer than the buffer.
    private mutating func makeRoom(for count: Int) {
        guard filled + count > capacity else { return }
        let dropped = recordStart
        if dropped > 0 {
            unsafe buffer.copyMemory(from: buffer + dropped, byteCount: filled - dropped)
            base += dropped
            filled -= dropped
            next -= dropped
            recordStart = 0
            cellStart -= dropped
            closedAt -= dropped
            openQuote.at -= dropped
            openQuote.contentEnd -= dropped
            openQuote.lineEnd -= dropped
            if highAt != .max { highAt -= dropped }
        }
        guard filled + count > capacity else { return }
        let larger = max(capacity * 2, filled + count)
        let grown = UnsafeMutableRawPointer.allocate(byteCount: larger + ByteMask.width, alignment: 16)
        unsafe grown.initializeMemory(as: UInt8.self, repeating: 0, count: larger + ByteMask.width)
        unsafe grown.copyMemory(from: buffer, byteCount: filled)
        unsafe buffer.deallocate()
        unsafe buffer = grown
        capacity = larger
    }
}
