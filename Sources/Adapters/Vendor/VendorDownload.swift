import CausewayCore
import Foundation
import HTTPTypes
import Logging
import OutboundHTTP
import Synchronization

/// A file of the vendor's while it is read: its head is there, its bytes come as they are asked for. To be read once,
/// by one task. Letting go of it, or cancelling the reading task, ends the transfer.
public final class VendorDownload: AsyncSequence, Sendable {
    public typealias Element = [UInt8]

    /// Of the whole file in bytes; nil where the vendor's store does not tell.
    public let size: Int64?
    /// Where in the file its bytes begin: as was asked for, or 0 where the store sends the file whole.
    public let offset: Int64
    public let contentType: String?
    /// Tells whether the file is still the same, for going on after a break; nil where the store gives no such thing.
    public let validator: String?
    /// False where nothing but the connection's end tells the file's end: a cut then looks like it.
    public let endIsTold: Bool
    private let handoff: ChunkHandoff
    private let transfer: Task<Void, Never>

    fileprivate init(_ head: DownloadHead, handoff: ChunkHandoff, transfer: Task<Void, Never>) {
        size = head.size
        offset = head.offset
        contentType = head.contentType
        validator = head.validator
        endIsTold = head.endIsTold
        self.handoff = handoff
        self.transfer = transfer
    }

    deinit { transfer.cancel() }

    public func makeAsyncIterator() -> Iterator { Iterator(download: self) }

    public struct Iterator: AsyncIteratorProtocol {
        let download: VendorDownload

        /// Throws `VendorError` where the file is cut off: what came so far is then not the file.
        public mutating func next() async throws -> [UInt8]? {
            try await withTaskCancellationHandler {
                try await download.handoff.take()
            } onCancel: { [transfer = download.transfer] in
                transfer.cancel()
            }
        }
    }
}

extension VendorClient {
    /// Opens a signed link. It gets no credentials, follows no redirect, and leads to public addresses and to
    /// `settings.allowedNetworks` only.
    ///
    /// Throws `VendorError`: with the status of an answer that is not the file, 206 for one that is another part than
    /// was asked for.
    /// - Parameter position: where to go on; the answer may all the same be the whole file.
    public func openDownload(_ url: String, from position: DownloadPosition? = nil) async throws -> VendorDownload {
        let handoff = ChunkHandoff()
        let head = HeadHandoff()
        let request = OutboundRequest(
            .get, url, headers: position?.headers ?? [:],
            timeouts: .init(connect: settings.connectTimeout, total: nil, stall: settings.stallTimeout),
            egress: downloadEgress)
        // Owned by the download, which cancels it when it is let go; until then by this call.
        let transfer = Task { [http, logger, time] in
            let place = Self.place(of: url)
            let start = time.now()
            do {
                try await http.withResponse(to: request) { response in
                    head.give(.success(try DownloadHead(response.head, from: position)))
                    for try await chunk in response.chunks { try await handoff.give(chunk) }
                }
                handoff.finish(nil)
                logger.info(
                    "vendor download",
                    metadata: ["place": "\(place)", "duration_ms": "\(time.now().since(start).wholeMilliseconds)"])
            } catch {
                let error = Self.downloadError(error, place: place)
                logger.warning("vendor download", metadata: ["place": "\(place)", "error": "\(error)"])
                head.give(.failure(error))
                handoff.finish(error)
            }
        }
        return try await withTaskCancellationHandler {
            VendorDownload(try await head.take(), handoff: handoff, transfer: transfer)
        } onCancel: {
            transfer.cancel()
        }
    }

    private static func downloadError(_ error: any Error, place: String) -> any Error {
        guard let error = error as? OutboundError else { return error }
        return VendorError(error, effect: .repeatable, method: "GET", path: place)
    }

    /// A signed link without its signature.
    private static func place(of url: String) -> String {
        String(url.prefix { $0 != "?" && $0 != "#" })
    }
}

/// Hands chunks from the transfer to the reader, one at a time: the transfer waits until the last one was taken.
private final class ChunkHandoff: Sendable {
    private struct State {
        var chunk: [UInt8]?
        var giver: CheckedContinuation<Void, any Error>?
        var taker: CheckedContinuation<[UInt8]?, any Error>?
        var end: Result<Void, any Error>?
        var isCancelled = false
    }

    private let state = Mutex(State())

    /// Returns when there is room for the next.
    func give(_ chunk: [UInt8]) async throws {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (giver: CheckedContinuation<Void, any Error>) in
                enum Next { case handed(CheckedContinuation<[UInt8]?, any Error>), kept, cancelled }
                let next = state.withLock { state -> Next in
                    if state.isCancelled { return .cancelled }
                    if let taker = state.taker.take() { return .handed(taker) }
                    state.chunk = chunk
                    state.giver = giver
                    return .kept
                }
                switch next {
                case .handed(let taker):
                    taker.resume(returning: chunk)
                    giver.resume()
                case .kept: break
                case .cancelled: giver.resume(throwing: CancellationError())
                }
            }
        } onCancel: {
            let giver = state.withLock { state in
                state.isCancelled = true
                return state.giver.take()
            }
            giver?.resume(throwing: CancellationError())
        }
    }

    func finish(_ error: (any Error)?) {
        let taker = state.withLock { state -> CheckedContinuation<[UInt8]?, any Error>? in
            if let error {
                state.end = .failure(error)
                state.chunk = nil
            } else {
                state.end = .success(())
            }
            return state.taker.take()
        }
        if let error { taker?.resume(throwing: error) } else { taker?.resume(returning: nil) }
    }

    func take() async throws -> [UInt8]? {
        try await withCheckedThrowingContinuation { taker in
            enum Next { case chunk([UInt8], CheckedContinuation<Void, any Error>?), end(Result<Void, any Error>), wait }
            let next = state.withLock { state -> Next in
                if let chunk = state.chunk.take() { return .chunk(chunk, state.giver.take()) }
                if let end = state.end { return .end(end) }
                precondition(state.taker == nil, "one reader to a download")
                state.taker = taker
                return .wait
            }
            switch next {
            case .chunk(let chunk, let giver):
                taker.resume(returning: chunk)
                giver?.resume()
            case .end(let end): taker.resume(with: end.map { nil })
            case .wait: break
            }
        }
    }
}

/// The answer's head, or why there is none; given once that counts, taken once.
private final class HeadHandoff: Sendable {
    private struct State {
        var result: Result<DownloadHead, any Error>?
        var taker: CheckedContinuation<DownloadHead, any Error>?
    }

    private let state = Mutex(State())

    func give(_ result: Result<DownloadHead, any Error>) {
        let taker = state.withLock { state -> CheckedContinuation<DownloadHead, any Error>? in
            guard state.result == nil else { return nil }
            state.result = result
            return state.taker.take()
        }
        taker?.resume(with: result)
    }

    func take() async throws -> DownloadHead {
        try await withCheckedThrowingContinuation { taker in
            let result = state.withLock { state in
                if state.result == nil { state.taker = taker }
                return state.result
            }
            if let result { taker.resume(with: result) }
        }
    }
}
