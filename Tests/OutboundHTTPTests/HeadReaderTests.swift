import HTTPTypes
import Testing

@testable import OutboundHTTP

@Suite("Answer headers")
struct HeadReaderTests {
    private func read(_ lines: [String]) -> (HeadReader, [HeadReader.Step]) {
        var reader = HeadReader()
        let steps = lines.map { line in
            unsafe Array((line + "\r\n").utf8).withUnsafeBytes { unsafe reader.take($0) }
        }
        return (reader, steps)
    }

    @Test("Status and headers are read, folded lines joined, and what is no header let go")
    func headers() {
        let (reader, steps) = read([
            "HTTP/1.1 201 Created", "Content-Type:  text/csv ", "X-Long: a", "  b", "no header", "bad name: x",
            "X-Empty:",
            "Set-Cookie: 1", "Set-Cookie: 2", "",
        ])
        #expect(steps.last == .complete)
        #expect(reader.status == 201)
        let headers = reader.headers()
        #expect(headers[.contentType] == "text/csv")
        #expect(headers[HTTPField.Name("X-Long")!] == "a b")
        #expect(headers[HTTPField.Name("X-Empty")!] == "")
        #expect(headers[values: .setCookie] == ["1", "2"])
        #expect(headers.count == 5)
    }

    @Test("Interim answers, followed redirects and trailers are not the answer's headers")
    func finals() {
        var (reader, _) = read(["HTTP/1.1 103 Early Hints", "Link: x", ""])
        #expect(!reader.isFinal(followingRedirects: false))
        (reader, _) = read(["HTTP/1.1 302 Found", "location: /x", ""])
        #expect(reader.isFinal(followingRedirects: false))
        #expect(!reader.isFinal(followingRedirects: true))
        (reader, _) = read(["HTTP/1.1 100 Continue", "", "HTTP/2 200 ", "a: 1", "", "trailer: 1"])
        #expect(reader.isFinal(followingRedirects: true))
        #expect(reader.headers().count == 1)
    }

    @Test("Endless headers are cut off, also when each answer has few")
    func limit() {
        let (_, steps) = read(Array(repeating: "HTTP/1.1 100 Continue", count: 20_000))
        #expect(steps.last == .tooLarge)
    }
}

@Suite("Stall watch")
struct StallWatchTests {
    @Test("Only time in which nothing moves and the peer is asked counts")
    func stall() {
        let start = ContinuousClock.now
        var watch = StallWatch(limit: .seconds(10), now: start)
        func stalled(at seconds: Int, moved: Int64, excused: Bool = false) -> Bool {
            watch.isStalled(moved: moved, excused: excused, now: start + .seconds(seconds))
        }
        #expect(!stalled(at: 9, moved: 0))
        #expect(!stalled(at: 18, moved: 0))
        #expect(stalled(at: 19, moved: 0))
        #expect(!stalled(at: 19, moved: 1))
        #expect(!stalled(at: 100, moved: 1, excused: true))
        #expect(!stalled(at: 109, moved: 1))
        #expect(stalled(at: 110, moved: 1))
    }
}

@Suite("URLs")
struct OutboundURLTests {
    @Test("A URL is read as it will be connected to")
    func good() throws {
        let url = try OutboundURL("HTTPS://user@Example.COM/path?q")
        #expect(url.scheme == "https")
        #expect(url.host == "example.com")
        #expect(url.port == 443)
        #expect(url.hasCredentials)
        #expect(try OutboundURL("http://[::1]:8080").literalAddress == IPAddress("::1"))
        #expect(try OutboundURL("http://0x7f.1/").literalAddress == IPAddress("127.0.0.1"))
        #expect(try OutboundURL("http://2130706433/").literalAddress == IPAddress("127.0.0.1"))
    }

    @Test(
        "What is no web address is refused",
        arguments: [
            "", "example.com", "ftp://x/", "file:///etc/passwd", "http://", "http://a b/", "http://a\n/",
            "http://a\0/", "http://x:99999/", "gopher://x", "javascript:alert(1)",
        ])
    func bad(text: String) {
        #expect(throws: OutboundURL.Mistake.self) { try OutboundURL(text) }
    }
}
