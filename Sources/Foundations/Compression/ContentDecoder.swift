/// Unpacks a stream of bytes as it comes: fed with what there is, asked for what comes of it, a piece at a time, so that
/// memory stays flat however much that is. Used by one task at a time.
public final class ContentDecoder {
    /// Bytes out for one byte in. Rows that differ from one another, as those of a file worth sending do, pack to a
    /// hundredth at most; a bomb is a thousand to one with gzip and ten thousand with zstd.
    public static let maximumRatio: Int64 = 400
    /// Bytes out before the ratio is looked at.
    public static let ratioFloor: Int64 = 4 << 20
    /// Bytes handed out at once, at most.
    public static let pieceSize = 256 << 10

    private let engine: any DecodingEngine
    private var input: [UInt8] = []
    private var offset = 0
    private var mayHoldBack = false
    private var consumed: Int64 = 0
    private var produced: Int64 = 0

    public init(_ coding: ContentCoding) {
        engine =
            switch coding {
            case .gzip: GzipDecodingEngine()
            case .zstd: ZstdDecodingEngine()
            }
    }

    /// The next bytes. All of those before must have been taken out with `next`.
    public func feed(_ bytes: [UInt8]) {
        precondition(offset == input.count, "bytes are left over")
        input = bytes
        offset = 0
    }

    /// What comes next of what was fed; nil where more must be fed. Throws `ContentDecodingError`.
    public func next() throws(ContentDecodingError) -> [UInt8]? {
        while offset < input.count || mayHoldBack {
            let room = Self.pieceSize
            var step = Result<DecodingStep, ContentDecodingError>.success(.init(consumed: 0, produced: 0))
            let piece = unsafe [UInt8](unsafeUninitializedCapacity: room) { output, count in
                unsafe input.withUnsafeBufferPointer { input in
                    let rest = unsafe UnsafeBufferPointer(rebasing: input[offset...])
                    step = Result { () throws(ContentDecodingError) in
                        try unsafe engine.step(rest, UnsafeMutableBufferPointer(rebasing: output[..<room]))
                    }
                }
                count = (try? step.get().produced) ?? 0
            }
            let done = try step.get()
            offset += done.consumed
            consumed += Int64(done.consumed)
            produced += Int64(done.produced)
            mayHoldBack = done.produced == room && !engine.isAtEnd
            if produced > Self.ratioFloor, produced / Self.maximumRatio > consumed { throw .ratio }
            if !piece.isEmpty { return piece }
            // Nothing was held back after all; with input left there would be no end to it.
            if done.consumed == 0, offset < input.count { throw .damaged("no progress") }
        }
        return nil
    }

    /// Throws `ContentDecodingError` where what was fed is not whole.
    public func finish() throws(ContentDecodingError) {
        guard engine.isAtEnd else { throw .truncated }
    }
}

struct DecodingStep {
    let consumed: Int
    let produced: Int
}

/// One library's way to unpack.
protocol DecodingEngine: AnyObject {
    /// Unpacks what fits; `input` may be empty where only output is left.
    func step(
        _ input: UnsafeBufferPointer<UInt8>, _ output: UnsafeMutableBufferPointer<UInt8>
    ) throws(ContentDecodingError) -> DecodingStep

    /// Everything so far makes a whole; more of the same may follow.
    var isAtEnd: Bool { get }
}
