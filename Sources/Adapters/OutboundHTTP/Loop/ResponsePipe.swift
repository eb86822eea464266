import Synchronization

/// Between the loop that receives an answer and the one task that reads it: bounded, so that a slow reader slows the peer.
final class ResponsePipe: Sendable {
    /// The transfer pauses while this much is buffered.
    static let capacity = 256 << 10

    enum Put { case taken, full, tooLarge }

    private struct State {
        var head: TransferHead?
        var buffer: [UInt8] = []
        var paused = false
        var end: TransferEnd?
        var reader: CheckedContinuation<Void, Never>?
    }

    /// Of the whole body, in bytes.
    let limit: Int64
    private let state = Mutex(State())

    init(limit: Int64) { self.limit = limit }

    // MARK: The loop's side

    func begin(_ head: TransferHead) {
        state.withLock { state in
            state.head = head
            return state.reader.take()
        }?.resume()
    }

    /// - Parameter passed: bytes of the body before these.
    func put(_ bytes: UnsafeRawBufferPointer, passed: Int64) -> Put {
        let (result, reader) = state.withLock { state -> (Put, CheckedContinuation<Void, Never>?) in
            if passed + Int64(bytes.count) > limit { return (.tooLarge, nil) }
            if state.buffer.count >= Self.capacity {
                state.paused = true
                return (.full, nil)
            }
            unsafe state.buffer.append(contentsOf: bytes)
            return (.taken, state.reader.take())
        }
        reader?.resume()
        return result
    }

    func finish(_ end: TransferEnd) {
        state.withLock { state in
            state.end = end
            return state.reader.take()
        }?.resume()
    }

    // MARK: The reader's side

    /// Throws where none came.
    func head() async throws(OutboundError) -> TransferHead {
        await wait { $0.head != nil }
        let (head, end) = state.withLock { ($0.head, $0.end) }
        if let head { return head }
        throw end?.error ?? OutboundError(.failed, words: "the answer ended without a head")
    }

    /// All that has come and was not read yet, and whether the loop must be told to go on; nil at the body's end.
    func chunk() async throws(OutboundError) -> (bytes: [UInt8], resume: Bool)? {
        await wait { !$0.buffer.isEmpty }
        let (chunk, end) = state.withLock { state -> (([UInt8], Bool)?, TransferEnd?) in
            guard !state.buffer.isEmpty else { return (nil, state.end) }
            defer {
                state.buffer = []
                state.paused = false
            }
            return ((state.buffer, state.paused), state.end)
        }
        if let chunk { return chunk }
        if let error = end?.error { throw error }
        return nil
    }

    func end() async -> TransferEnd? {
        await wait { _ in false }
        return state.withLock { $0.end }
    }

    /// Returns when `isReady` or the transfer has ended. There is one reader at a time.
    private func wait(until isReady: @Sendable (borrowing State) -> Bool) async {
        while true {
            if state.withLock({ $0.end != nil || isReady($0) }) { return }
            await withCheckedContinuation { continuation in
                // Looked at again under the lock: what came in between must not be slept through.
                let ready = state.withLock { state in
                    if state.end != nil || isReady(state) { return true }
                    state.reader = continuation
                    return false
                }
                if ready { continuation.resume() }
            }
        }
    }
}
