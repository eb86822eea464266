import CZlib

/// Compresses a stream of bytes into gzip's format (RFC 1952) as it comes: memory stays flat, 256 KiB each.
@safe
public struct GzipEncoder: ~Copyable {
    /// zlib keeps a pointer to it, so it must not move.
    private let stream: UnsafeMutablePointer<z_stream>

    /// - Parameter level: 1 (fast) to 9 (small). 1 is more than twice as fast as zlib's own default of 6 for a tenth more
    ///   bytes of CSV.
    public init(level: Int32 = 1) {
        precondition((1...9).contains(level))
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        let code = unsafe causeway_gzip_begin(stream, level)
        precondition(code == Z_OK, "zlib has no memory")
    }

    deinit {
        unsafe deflateEnd(stream)
        unsafe stream.deallocate()
    }

    /// Takes `bytes`, and appends to `output` what is ready; zlib holds back up to some 100 KiB.
    public mutating func append(_ bytes: [UInt8], to output: inout [UInt8]) {
        run(bytes, Z_NO_FLUSH, &output)
    }

    /// Appends all that was taken so far, so that a reader can see it.
    public mutating func flush(to output: inout [UInt8]) {
        run([], Z_SYNC_FLUSH, &output)
    }

    /// Appends the rest. Nothing may follow.
    public mutating func finish(to output: inout [UInt8]) {
        run([], Z_FINISH, &output)
    }

    private func run(_ bytes: [UInt8], _ mode: Int32, _ output: inout [UInt8]) {
        var bytes = bytes
        unsafe bytes.withUnsafeMutableBufferPointer { input in
            unsafe stream.pointee.next_in = input.baseAddress
            unsafe stream.pointee.avail_in = UInt32(input.count)
            var left: UInt32
            repeat {
                let room = 64 << 10
                let count = output.count
                let piece = unsafe [UInt8](unsafeUninitializedCapacity: room) { buffer, used in
                    unsafe stream.pointee.next_out = buffer.baseAddress
                    unsafe stream.pointee.avail_out = UInt32(room)
                    unsafe deflate(stream, mode)
                    used = unsafe room - Int(stream.pointee.avail_out)
                }
                output.append(contentsOf: piece)
                left = UInt32(room - (output.count - count))
            } while left == 0
        }
    }
}
