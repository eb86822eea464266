import Compression
import Fanout
import Foundation
import Support

/// An endpoint that does what no server should, and what must come of one attempt at it.
struct HostileSink: Sendable {
    typealias Behaviour = @Sendable (PeerConnection) throws -> Void

    let name: String
    let status: Int?
    let error: AttemptError?
    /// What is kept of the answer; nil where none came, or where it is not said.
    let body: String?
    let behaviour: Behaviour

    var state: Delivery.State { status.map { (200..<300).contains($0) } == true ? .delivered : .failed }

    static func answers(_ status: Int, _ body: String?, _ name: String, _ behaviour: @escaping Behaviour) -> Self {
        Self(name: name, status: status, error: nil, body: body, behaviour: behaviour)
    }

    static func breaks(_ error: AttemptError, _ name: String, _ behaviour: @escaping Behaviour) -> Self {
        Self(name: name, status: nil, error: error, body: nil, behaviour: behaviour)
    }

    /// Takes the request and answers with these bytes; then the connection ends, or stays until the other side goes.
    private static func says(_ text: String, stays: Bool = false) -> Behaviour {
        { connection in
            _ = try connection.readRequest()
            try connection.send(text)
            if stays { connection.waitForClose() }
        }
    }

    /// Goes on until the other side goes.
    private static func repeats(_ text: String, after head: String = "") -> Behaviour {
        { connection in
            _ = try connection.readRequest()
            try connection.send(head)
            while true { try connection.send(text) }
        }
    }

    /// One byte at a time.
    private static func trickles(_ text: String, after head: String = "") -> Behaviour {
        { connection in
            _ = try connection.readRequest()
            try connection.send(head)
            while true {
                for byte in text.utf8 {
                    try connection.send([byte])
                    usleep(20_000)
                }
            }
        }
    }

    private static let kilobyte = String(repeating: "x", count: 1024)
    private static let kept = String(repeating: "x", count: DeliveryAttempt.responseLimit)

    // MARK: The table

    /// Those that are at their end by themselves, or by what this side stops reading.
    static let quick: [HostileSink] =
        heads + bodies + lengths + [
            breaks(.reset, "closes at once") { _ in },
            breaks(.reset, "takes the request and closes", says("")),
            breaks(.reset, "takes the request and resets") { connection in
                _ = try connection.readRequest()
                connection.reset()
            },
            answers(302, "", "redirects to itself") { connection in
                let host = try connection.readRequest().headers["host"] ?? ""
                try connection.answer("302 Found", body: "", headers: "Location: http://\(host)/\r\n")
            },
            // Kept as it came.
            answers(200, nil, "a gzip bomb", compressed("Content-Encoding")),
            // Unpacked by libcurl, asked or not, and only for as long as it is read.
            answers(
                200, String(repeating: "A", count: DeliveryAttempt.responseLimit), "a gzip bomb as transfer encoding",
                compressed("Transfer-Encoding")),
        ]

    private static let heads = [
        breaks(.protocolViolation, "endless headers", repeats("X-A: \(kilobyte)\r\n", after: "HTTP/1.1 200 OK\r\n")),
        breaks(.protocolViolation, "an endless header", repeats(kilobyte, after: "HTTP/1.1 200 OK\r\nX-A: ")),
        breaks(.protocolViolation, "an endless status line", repeats(kilobyte, after: "HTTP/1.1 200 ")),
        breaks(.protocolViolation, "a flood of 100 Continue", repeats("HTTP/1.1 100 Continue\r\n\r\n")),
        breaks(
            .protocolViolation, "a flood of 103 Early Hints", repeats("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")),
        breaks(.protocolViolation, "no HTTP", says("220 mail.example.com ESMTP\r\n", stays: true)),
        breaks(.protocolViolation, "NUL in a header", says("HTTP/1.1 200 OK\r\nX-A: a\0b\r\n\r\n", stays: true)),
        breaks(
            .protocolViolation, "a length that is no number",
            says("HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", stays: true)),
        breaks(.reset, "reset in the middle of the headers") { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nX-A: ")
            connection.reset()
        },
        answers(200, "", "200, then a reset") { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
            connection.reset()
        },
        answers(500, "", "500, then a reset") { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 500 No\r\nContent-Length: 10\r\n\r\n")
            connection.reset()
        },
        answers(999, "", "a status that there is not", says("HTTP/1.1 999 Whatever\r\nContent-Length: 0\r\n\r\n")),
    ]

    private static let bodies = [
        answers(200, kept, "an endless body", repeats(kilobyte, after: "HTTP/1.1 200 OK\r\n\r\n")),
        answers(500, kept, "an endless body of an error", repeats(kilobyte, after: "HTTP/1.1 500 No\r\n\r\n")),
        answers(
            200, kept, "endless chunks",
            repeats("400\r\n\(kilobyte)\r\n", after: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")),
        answers(200, "half", "200, then a reset in the body") { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
            connection.reset()
        },
        answers(
            200, "", "a chunk that is no chunk",
            says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot hexadecimal\r\n", stays: true)),
        answers(
            200, "", "a chunk of more bytes than there are numbers",
            says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFF\r\nx", stays: true)),
        answers(200, "a\u{fffd}b", "NUL in the body", says("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na\0b")),
    ]

    private static let lengths = [
        answers(200, "short", "a length too long", says("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort")),
        answers(
            200, "ok", "a length too short",
            says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 500 No\r\n\r\n", stays: true)),
        answers(
            500, "short", "a length too long of an error", says("HTTP/1.1 500 No\r\nContent-Length: 99\r\n\r\nshort")),
    ]

    /// Those that only the time-out ends; of the body that is kept, the beginning.
    static let slow = [
        breaks(.timeout, "says nothing", says("", stays: true)),
        breaks(.timeout, "a status line, byte by byte", trickles("x", after: "HTTP/1.1 200 ")),
        breaks(.timeout, "headers, byte by byte", trickles("X-A: x\r\n", after: "HTTP/1.1 200 OK\r\n")),
        breaks(.timeout, "100 Continue, byte by byte", trickles("HTTP/1.1 100 Continue\r\n\r\n")),
        answers(200, "x", "a body, byte by byte", trickles("x", after: "HTTP/1.1 200 OK\r\n\r\n")),
        answers(
            200, "ok", "a body that stops short", says("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", stays: true)),
    ]

    /// Those that answer and never read the request's body, until `gate` opens.
    static func early(_ gate: DispatchSemaphore) -> [HostileSink] {
        func behaviour(_ status: String, _ body: String) -> Behaviour {
            { connection in
                _ = try connection.readHead()
                try connection.answer(status, body: body)
                gate.wait()
                gate.signal()
            }
        }
        return [
            answers(503, "no", "refuses early", behaviour("503 Service Unavailable", "no")),
            answers(200, "yes", "takes it early", behaviour("200 OK", "yes")),
        ]
    }

    // MARK: Compressed

    /// 64 MiB of one letter.
    private static let bomb: [UInt8] = {
        var bytes: [UInt8] = []
        var encoder = GzipEncoder(level: 9)
        let piece = [UInt8](repeating: UInt8(ascii: "A"), count: 1 << 20)
        for _ in 0..<64 { encoder.append(piece, to: &bytes) }
        encoder.finish(to: &bytes)
        return bytes
    }()

    /// Answers with the bomb under this header.
    private static func compressed(_ header: String) -> Behaviour {
        { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\n\(header): gzip\r\nConnection: close\r\n\r\n")
            try connection.send(bomb)
        }
    }
}
