import Foundation
import Synchronization

public struct PeerRequest: Sendable {
    public var line: String
    public var headers: [String: String]
    public var body: [UInt8]
}

/// One connection of a `Peer`; used by its thread alone, but for `shut`.
public final class PeerConnection: @unchecked Sendable {
    /// From 1.
    public let number: Int
    private let socket: Int32
    private let open = Mutex(true)
    private var buffer: [UInt8] = []
    /// Bytes that the system took.
    let sent = Atomic(0)

    init(socket: Int32, number: Int) {
        self.socket = socket
        self.number = number
    }

    /// The next request with its body; throws at the connection's end.
    public func readRequest() throws -> PeerRequest {
        var request = try readHead()
        if let length = request.headers["content-length"].flatMap(Int.init) {
            request.body = try read(length)
        } else if request.headers["transfer-encoding"] == "chunked" {
            while true {
                guard let size = Int(try readLine(), radix: 16) else { throw PeerError.ended }
                request.body += try read(size)
                _ = try readLine()
                if size == 0 { break }
            }
        }
        return request
    }

    public func readHead() throws -> PeerRequest {
        let line = try readLine()
        var headers: [String: String] = [:]
        while true {
            let header = try readLine()
            if header.isEmpty { break }
            let parts = header.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            headers[parts[0].lowercased()] = parts.count > 1 ? parts[1].trimmingCharacters(in: .whitespaces) : ""
        }
        return PeerRequest(line: line, headers: headers, body: [])
    }

    private func readLine() throws -> String {
        while true {
            if let end = buffer.firstIndex(of: 10) {
                let line = buffer[..<end].filter { $0 != 13 }
                buffer.removeSubrange(...end)
                return String(decoding: line, as: UTF8.self)
            }
            try fill()
        }
    }

    public func read(_ count: Int) throws -> [UInt8] {
        while buffer.count < count { try fill() }
        defer { buffer.removeFirst(count) }
        return Array(buffer.prefix(count))
    }

    /// Reads bytes and forgets them, giving each piece to `look`; returns how many there were.
    public func drain(_ count: Int = .max, _ look: (ArraySlice<UInt8>) -> Void = { _ in }) -> Int {
        var total = 0
        while total < count {
            if buffer.isEmpty { guard (try? fill()) != nil else { break } }
            let piece = buffer.prefix(count - total)
            look(piece)
            total += piece.count
            buffer.removeFirst(piece.count)
        }
        return total
    }

    private func fill() throws {
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        let count = unsafe recv(socket, &chunk, chunk.count, 0)
        guard count > 0 else { throw PeerError.ended }
        buffer += chunk.prefix(count)
    }

    public func send(_ text: String) throws { try send(Array(text.utf8)) }

    public func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.send(socket, $0.baseAddress.map { unsafe $0 + sent }, $0.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw PeerError.system(errno) }
            sent += count
            self.sent.add(count, ordering: .relaxed)
        }
    }

    /// How many bytes can be sent before it would have to wait for the other side for `patience`.
    public func sendUntilBlocked(_ bytes: [UInt8], patience: Duration) -> Int {
        var time = timeval(
            tv_sec: Int(patience.components.seconds), tv_usec: Int(patience.components.attoseconds / 1_000_000_000_000))
        _ = unsafe setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        defer {
            time = timeval()
            _ = unsafe setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        }
        var total = 0
        while true {
            let count = unsafe Glibc.send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL))
            guard count > 0 else { return total }
            total += count
        }
    }

    public func answer(_ status: String = "200 OK", body: String = "ok", headers: String = "") throws {
        try send("HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\n\(headers)\r\n\(body)")
    }

    /// A client's, to a port on loopback. To be closed by whoever made it.
    public convenience init(to port: UInt16) throws {
        let other = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let connected = unsafe withUnsafePointer(to: &address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(other, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else {
            let reason = errno
            _ = Glibc.close(other)
            throw PeerError.system(reason)
        }
        self.init(socket: other, number: 0)
    }

    /// Carries bytes between this side and a port on loopback until either has closed its connection.
    public func carry(to port: UInt16) throws {
        let far = try PeerConnection(to: port)
        defer { far.close() }
        while true {
            var entries = [socket, far.socket].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            guard unsafe poll(&entries, 2, -1) > 0 else { return }
            for (entry, (from, to)) in zip(entries, [(self, far), (far, self)]) where entry.revents != 0 {
                try from.fill()
                try to.send(from.buffer)
                from.buffer = []
            }
        }
    }

    /// Returns when the other side has closed the connection.
    public func waitForClose() {
        while (try? fill()) != nil { buffer = [] }
    }

    /// Ends with RST instead of FIN.
    public func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        _ = unsafe setsockopt(socket, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
        close()
    }

    public func close() {
        let wasOpen = open.withLock { open in
            defer { open = false }
            return open
        }
        if wasOpen { _ = Glibc.close(socket) }
    }

    /// From another thread: whatever this connection waits for ends.
    public func shut() {
        open.withLock { if $0 { _ = shutdown(socket, Int32(SHUT_RDWR)) } }
    }
}
