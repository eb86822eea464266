import CZstd

/// zstd by libzstd. Memory: the frame's window, at most 8 MiB, and some 200 KiB.
@safe
final class ZstdDecodingEngine: DecodingEngine {
    /// 2^23 bytes: what every decoder of the coding offers (RFC 9659).
    private static let windowLog: Int32 = 23
    private let context: OpaquePointer
    private(set) var isAtEnd = false

    init() {
        guard let context = unsafe causeway_zstd_begin(Self.windowLog) else { fatalError("zstd has no memory") }
        unsafe self.context = context
    }

    deinit { unsafe ZSTD_freeDCtx(context) }

    func step(
        _ input: UnsafeBufferPointer<UInt8>, _ output: UnsafeMutableBufferPointer<UInt8>
    ) throws(ContentDecodingError) -> DecodingStep {
        var source = unsafe ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
        var target = unsafe ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
        let code = unsafe ZSTD_decompressStream(context, &target, &source)
        guard ZSTD_isError(code) == 0 else {
            if causeway_zstd_wants_larger_window(code) != 0 { throw .window }
            throw .damaged(unsafe String(cString: ZSTD_getErrorName(code)))
        }
        isAtEnd = code == 0
        return unsafe DecodingStep(consumed: source.pos, produced: target.pos)
    }
}
