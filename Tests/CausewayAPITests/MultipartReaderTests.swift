import Testing

@testable import CausewayAPI

@Suite("A form's reader")
struct MultipartReaderTests {
    /// What comes out when the body arrives in pieces of `size` bytes, neighbouring data joined.
    func read(_ body: String, pieces size: Int = .max, boundary: String = "b") throws -> (
        events: [MultipartReader.Event], isComplete: Bool
    ) {
        var reader = MultipartReader(boundary: boundary)
        var events: [MultipartReader.Event] = []
        var rest = Array(body.utf8)[...]
        while !rest.isEmpty {
            for event in try reader.feed(rest.prefix(size)) {
                if case .data(let more) = event, case .data(let data)? = events.last {
                    events[events.count - 1] = .data(data + more)
                } else {
                    events.append(event)
                }
            }
            rest = rest.dropFirst(size)
        }
        return (events, reader.isComplete)
    }

    func part(_ name: String, _ filename: String? = nil, type: String? = nil) -> MultipartReader.Event {
        .part(.init(name: name, filename: filename, contentType: type))
    }

    @Test("gives the same wherever the borders of what arrives lie")
    func borders() throws {
        let csv = "email\r\na@b.co\r\n--b not yet\r\n\r\n-\r\r\n--"
        let body =
            "preamble\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n"
            + "Content-Type: text/csv\r\n\r\n\(csv)\r\n--b  \r\ncontent-disposition: form-data; name=x\r\n\r\n\r\n--b--\r\nepilogue"
        for size in 1...body.utf8.count {
            let (events, isComplete) = try read(body, pieces: size)
            #expect(events == [part("file", "a.csv", type: "text/csv"), .data(Array(csv.utf8)), part("x")], "\(size)")
            #expect(isComplete)
        }
    }

    @Test("is not complete before the closing delimiter has come")
    func cutOff() throws {
        let body = "--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nemail\r\n--b"
        #expect(try read(body).isComplete == false)
        #expect(try read(body + "-").isComplete == false)
        #expect(try read(body + "--").isComplete)
    }

    @Test("names what is no part of a form")
    func mistakes() {
        #expect(throws: MultipartReader.Mistake.self) { try read("--b\r\nContent-Type: text/csv\r\n\r\nx\r\n--b--") }
        #expect(throws: MultipartReader.Mistake.self) {
            try read("--b\r\nX: " + String(repeating: "y", count: 20_000) + "\r\n\r\n")
        }
    }

    @Test(
        "takes file names as browsers and curl write them, without directories",
        arguments: [
            (#"form-data; name="file"; filename="a \"b\".csv""#, #"a "b".csv"#),
            (#"form-data; name="file"; filename="a %22b%22.csv""#, #"a "b".csv"#),
            (#"form-data; name="file"; filename="C:\data\a.csv""#, "a.csv"),
            (#"form-data; name="file"; filename="../../etc/a;b.csv""#, "a;b.csv"),
            (#"form-data; name=file; filename=plain.csv"#, "plain.csv"),
            (#"form-data; name="file"; filename="x.csv"; filename*=UTF-8''%C3%A4.csv"#, "ä.csv"),
        ])
    func fileNames(header: String, name: String) {
        #expect(ContentDisposition.formData(header) == .init(name: "file", filename: name))
    }

    @Test("finds the boundary, quoted or not")
    func boundary() {
        #expect(UploadBody.boundary(in: "multipart/form-data; boundary=abc") == "abc")
        #expect(UploadBody.boundary(in: "multipart/form-data; charset=utf-8; Boundary=\"a b\"") == "a b")
        #expect(UploadBody.boundary(in: "multipart/form-data") == nil)
    }
}
