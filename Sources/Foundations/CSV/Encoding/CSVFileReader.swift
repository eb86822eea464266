/// A `CSVReader` for a file as somebody sent it: finds out how the file is written (`CSVCharset` says what may be
/// declared) and reads its text.
///
/// Lines, offsets and the bytes of records are those of the text in UTF-8, in which a byte order mark counts. In a
/// file that is UTF-8 anyhow they are the file's own; of others `CSVEncoding.bytes(of:)` gives the file's bytes back.
public struct CSVFileReader: ~Copyable, Sendable {
    private var reader: CSVReader
    private var declared: CSVCharset?
    /// The first bytes while they do not decide yet.
    private var head: [UInt8] = []
    /// Nil while that is not decided.
    private var decided: CSVEncoding?
    /// Nil where the bytes are UTF-8 already.
    private var transcoder: CSVTranscoder?
    private var decoded: [UInt8] = []
    private var ownFailure: CSVProblem?
    private var isFinished = false
    /// Bytes of the file fed so far.
    public private(set) var byteCount = 0

    /// Looks at the first bytes to find out how the file is written.
    public init(
        declared: CSVCharset? = nil, isKnownHeader: @escaping @Sendable (String) -> Bool,
        limits: CSVLimits = CSVLimits()
    ) {
        reader = CSVReader(isKnownHeader: isKnownHeader, limits: limits)
        self.declared = declared
    }

    /// For a file that was read before.
    public init(
        encoding: CSVEncoding, isKnownHeader: @escaping @Sendable (String) -> Bool, limits: CSVLimits = CSVLimits()
    ) {
        self.init(declared: nil, isKnownHeader: isKnownHeader, limits: limits)
        read(as: encoding)
    }

    /// What the sender says of the encoding, where that is known only later; before the first byte.
    public mutating func declare(_ charset: CSVCharset) {
        precondition(byteCount == 0, "the file is being read already")
        declared = charset
    }

    /// UTF-8 while nothing is decided.
    public var encoding: CSVEncoding { decided ?? .utf8 }

    /// The text's bytes are not the file's bytes.
    public var isTranscoded: Bool { transcoder?.changesBytes ?? false }

    /// Why no more records come.
    public var failure: CSVProblem? {
        if let found = ownFailure ?? reader.failure { return found }
        // A record that is too long is passed over unseen, also where it ends in what means nothing.
        guard isFinished, let transcoder, transcoder.isBroken else { return nil }
        return reader.problemAtEnd(.invalidEncoding)
    }

    /// Nothing that follows can be read.
    public var isHopeless: Bool { ownFailure != nil || reader.failure != nil || transcoder?.isBroken == true }

    /// The position at which a reader of UTF-8 could go on in this one's place; nil where none could, now or ever.
    public var handOver: CSVPosition? {
        decided == .utf8 && ownFailure == nil && reader.isBetweenRecords ? reader.position : nil
    }

    public var dialect: CSVDialect { reader.dialect }
    public var recordCount: Int { reader.recordCount }

    /// As `CSVReader.feed`.
    public mutating func feed(_ bytes: RawSpan, _ handler: CSVReader.Handler) throws {
        byteCount += bytes.byteCount
        guard decided == nil else { return try pass(bytes, handler) }
        guard ownFailure == nil else { return }
        let missing = CSVEncodingChoice.bytesNeeded - head.count
        unsafe bytes.extracting(first: missing).withUnsafeBytes { unsafe head.append(contentsOf: $0) }
        guard head.count == CSVEncodingChoice.bytesNeeded else { return }
        try begin(handler)
        try pass(bytes.extracting(droppingFirst: min(missing, bytes.byteCount)), handler)
    }

    /// As `CSVReader.finish`.
    public mutating func finish(_ handler: CSVReader.Handler) throws {
        if decided == nil, ownFailure == nil { try begin(handler) }
        isFinished = true
        guard ownFailure == nil else { return }
        let rest = transcoder?.finish() ?? []
        try unsafe reader.feed(rest.span.bytes, handler)
        try reader.finish(handler)
    }

    /// Decides, and reads what was held back.
    private mutating func begin(_ handler: CSVReader.Handler) throws {
        switch CSVEncodingChoice(head: head, declared: declared) {
        case .none(let kind):
            ownFailure = CSVProblem(.invalidEncoding, line: 1, byteOffset: 0, kind: kind)
        case .encoding(let encoding):
            read(as: encoding)
            let head = head
            try unsafe pass(head.span.bytes, handler)
        }
    }

    private mutating func read(as encoding: CSVEncoding) {
        decided = encoding
        guard encoding != .utf8 else { return }
        transcoder = CSVTranscoder(encoding)
        decoded = [UInt8](repeating: 0, count: CSVTranscoder.room)
    }

    private mutating func pass(_ bytes: RawSpan, _ handler: CSVReader.Handler) throws {
        guard ownFailure == nil else { return }
        guard transcoder != nil else { return try reader.feed(bytes, handler) }
        // Out of `self` while the reader is at work, which keeps the two apart for the compiler.
        var decoded: [UInt8] = []
        swap(&decoded, &self.decoded)
        defer { swap(&decoded, &self.decoded) }
        var start = 0
        while start < bytes.byteCount {
            let count = min(CSVTranscoder.slice, bytes.byteCount - start)
            let length = unsafe bytes.withUnsafeBytes { source in
                unsafe decoded.withUnsafeMutableBytes { target in
                    let part = unsafe UnsafeRawBufferPointer(rebasing: source[start..<start + count])
                    return unsafe transcoder?.decode(part, to: target.baseAddress.unsafelyUnwrapped) ?? 0
                }
            }
            try unsafe reader.feed(decoded.span.bytes.extracting(first: length), handler)
            start += count
        }
    }
}
