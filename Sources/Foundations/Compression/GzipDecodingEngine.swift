import CZlib

/// gzip by zlib, which checks each member's checksum and length. Memory: 48 KiB.
@safe
final class GzipDecodingEngine: DecodingEngine {
    /// zlib keeps a pointer to it, so it must not move.
    private let stream: UnsafeMutablePointer<z_stream>
    private(set) var isAtEnd = false

    init() {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        let code = unsafe causeway_gunzip_begin(stream)
        precondition(code == Z_OK, "zlib has no memory")
    }

    deinit {
        unsafe inflateEnd(stream)
        unsafe stream.deallocate()
    }

    func step(
        _ input: UnsafeBufferPointer<UInt8>, _ output: UnsafeMutableBufferPointer<UInt8>
    ) throws(ContentDecodingError) -> DecodingStep {
        if isAtEnd, !input.isEmpty {
            // Another member (RFC 1952, 2.2); anything else is refused by its first bytes.
            unsafe inflateReset(stream)
            isAtEnd = false
        }
        unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
        unsafe stream.pointee.avail_in = UInt32(input.count)
        unsafe stream.pointee.next_out = output.baseAddress
        unsafe stream.pointee.avail_out = UInt32(output.count)
        let code = unsafe inflate(stream, Z_NO_FLUSH)
        switch code {
        case Z_OK, Z_BUF_ERROR: break
        case Z_STREAM_END: isAtEnd = true
        default:
            let words = unsafe stream.pointee.msg.map { unsafe String(cString: $0) }
            throw .damaged(words ?? "zlib error \(code)")
        }
        return unsafe DecodingStep(
            consumed: input.count - Int(stream.pointee.avail_in), produced: output.count - Int(stream.pointee.avail_out)
        )
    }
}
