/// An answer whose body is still coming.
public struct OutboundStreamedResponse: Sendable {
    public let head: OutboundResponseHead
    public let chunks: OutboundResponseChunks

    /// The whole body; more than `limit` bytes are `tooLarge`.
    public func collect(upTo limit: Int) async throws(OutboundError) -> [UInt8] {
        var body: [UInt8] = []
        for try await chunk in chunks {
            guard body.count + chunk.count <= limit else {
                throw OutboundError(
                    .tooLarge(.body), stage: .receive, requestMayHaveReachedPeer: true,
                    words: "the answer is longer than \(limit) bytes", head: head, remoteAddress: head.remoteAddress)
            }
            body += chunk
        }
        return body
    }
}

/// The body's bytes in pieces as they came. To be read once, by one task; a reader that waits slows the peer down.
public struct OutboundResponseChunks: AsyncSequence, Sendable {
    public typealias Element = [UInt8]
    public typealias Failure = OutboundError

    let pipe: ResponsePipe
    let transfer: Transfer
    let loop: CurlMultiLoop

    public func makeAsyncIterator() -> Iterator { Iterator(chunks: self) }

    public struct Iterator: AsyncIteratorProtocol {
        let chunks: OutboundResponseChunks

        /// Nil at the body's proper end; a cut-off one throws. Cancelling the reading task cancels the transfer.
        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(OutboundError) -> [UInt8]? {
            let (pipe, transfer, loop) = (chunks.pipe, chunks.transfer, chunks.loop)
            let result: Result<(bytes: [UInt8], resume: Bool)?, OutboundError> = await withTaskCancellationHandler {
                do throws(OutboundError) {
                    return .success(try await pipe.chunk())
                } catch {
                    return .failure(error)
                }
            } onCancel: {
                loop.cancel(transfer)
            }
            guard let chunk = try result.get() else { return nil }
            if chunk.resume { loop.resume(transfer) }
            return chunk.bytes
        }
    }
}
