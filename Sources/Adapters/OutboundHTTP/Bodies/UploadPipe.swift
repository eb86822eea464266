import Synchronization

/// Between a body that is still being written and the loop that sends it: bounded, so that a slow peer slows the writer.
final class UploadPipe: Sendable {
    /// A writer waits while this much is buffered.
    static let capacity = 256 << 10

    enum Piece: Equatable {
        case bytes(Int)
        /// Nothing yet; `wake` is called when there is.
        case later
        case end
        case failed
    }

    private struct State {
        var chunks: [[UInt8]] = []
        /// Into the first chunk.
        var offset = 0
        var buffered = 0
        var taken: Int64 = 0
        var finished = false
        var closed = false
        var failure: (any Error)?
        var loopWaits = false
        var writer: CheckedContinuation<Void, Never>?
    }

    /// In bytes, where the writer said so.
    let length: Int64?
    private let state = Mutex(State())

    init(length: Int64?) { self.length = length }

    var failure: (any Error)? { state.withLock { $0.failure } }

    /// Puts bytes in and waits for room; tells whether the loop waits for them. Throws once the request has ended.
    func put(_ bytes: [UInt8], wake: () -> Void) async throws(CancellationError) {
        let (closed, loopWaited) = state.withLock { state -> (Bool, Bool) in
            guard !state.closed, !state.finished else { return (true, false) }
            guard !bytes.isEmpty else { return (false, false) }
            state.chunks.append(bytes)
            state.buffered += bytes.count
            defer { state.loopWaits = false }
            return (false, state.loopWaits)
        }
        if closed { throw CancellationError() }
        if loopWaited { wake() }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let mayGoOn = state.withLock { state in
                    if state.closed || state.buffered < Self.capacity || Task.isCancelled { return true }
                    state.writer = continuation
                    return false
                }
                if mayGoOn { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.writer.take() }?.resume()
        }
        if Task.isCancelled || state.withLock({ $0.closed }) { throw CancellationError() }
    }

    /// The body is complete, or has failed.
    func finish(_ failure: (any Error)?, wake: () -> Void) {
        let loopWaited = state.withLock { state in
            if !state.finished {
                state.finished = true
                state.failure = failure
            }
            defer { state.loopWaits = false }
            return state.loopWaits
        }
        if loopWaited { wake() }
    }

    /// The request has ended: whoever writes is told.
    func close() {
        state.withLock { state in
            state.closed = true
            state.chunks = []
            return state.writer.take()
        }?.resume()
    }

    /// For the loop.
    func read(into buffer: UnsafeMutableRawBufferPointer) -> Piece {
        var waiting: CheckedContinuation<Void, Never>?
        let piece = state.withLock { state -> Piece in
            if state.failure != nil { return .failed }
            var filled = 0
            var whole = 0
            while filled < buffer.count, whole < state.chunks.count {
                let chunk = state.chunks[whole]
                let count = min(buffer.count - filled, chunk.count - state.offset)
                unsafe chunk.withUnsafeBytes {
                    let part = unsafe UnsafeRawBufferPointer(rebasing: $0[state.offset..<(state.offset + count)])
                    unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[filled..<(filled + count)]).copyMemory(
                        from: part)
                }
                filled += count
                state.offset += count
                if state.offset == chunk.count {
                    whole += 1
                    state.offset = 0
                }
            }
            if filled > 0 {
                state.chunks.removeFirst(whole)
                state.buffered -= filled
                state.taken += Int64(filled)
                if let length, state.taken > length {
                    state.failure = OutboundBodyWriter.WrongLength(expected: length, written: state.taken)
                    return .failed
                }
                if state.buffered < Self.capacity / 2 { waiting = state.writer.take() }
                return .bytes(filled)
            }
            if state.finished {
                guard let length, state.taken < length else { return .end }
                state.failure = OutboundBodyWriter.WrongLength(expected: length, written: state.taken)
                return .failed
            }
            state.loopWaits = true
            return .later
        }
        waiting?.resume()
        return piece
    }
}

/// Where a streamed body is written to.
public struct OutboundBodyWriter: Sendable {
    let pipe: UploadPipe
    let wake: @Sendable () -> Void

    /// Returns when there is room for more; throws `CancellationError` once the request has ended.
    public func write(_ bytes: [UInt8]) async throws(CancellationError) {
        try await pipe.put(bytes, wake: wake)
    }

    /// The body had a length, and what was written has another.
    public struct WrongLength: Error, Hashable, Sendable, CustomStringConvertible {
        public let expected: Int64
        public let written: Int64
        public var description: String { "the body was to have \(expected) bytes, but \(written) were written" }
    }
}
