/// Reads a `multipart/form-data` body (RFC 7578) as it arrives, at any borders. Memory: what is fed at once, and a
/// part's head.
struct MultipartReader {
    enum Event: Equatable {
        case part(PartHead)
        /// Content of the part begun last.
        case data([UInt8])
    }

    struct PartHead: Equatable {
        var name: String
        var filename: String?
        /// `Content-Transfer-Encoding` in lower case; nil where there is none.
        var transferEncoding: String?
        /// `Content-Type` as it stands there.
        var contentType: String?
    }

    /// What is wrong with the body, in words.
    struct Mistake: Error, Equatable {
        let words: String
    }

    private enum Place { case preamble, head, content, epilogue }

    /// Bytes of a part's head.
    private static let maximumHead = 16 << 10
    private let delimiter: [UInt8]
    private var place = Place.preamble
    private var buffer: [UInt8]

    /// - Parameter boundary: of the content type.
    init(boundary: String) {
        delimiter = Array("\r\n--\(boundary)".utf8)
        // The first delimiter may stand at the very beginning, without its line end.
        buffer = Array("\r\n".utf8)
    }

    /// The closing delimiter has come; nothing that follows means anything.
    var isComplete: Bool { place == .epilogue }

    mutating func feed(_ bytes: some Sequence<UInt8>) throws(Mistake) -> [Event] {
        guard place != .epilogue else { return [] }
        buffer.append(contentsOf: bytes)
        var events: [Event] = []
        while try step(&events) {}
        return events
    }

    /// False where more bytes are needed.
    private mutating func step(_ events: inout [Event]) throws(Mistake) -> Bool {
        switch place {
        case .preamble, .content: return try passContent(&events)
        case .head: return try readHead(&events)
        case .epilogue:
            buffer = []
            return false
        }
    }

    private mutating func passContent(_ events: inout [Event]) throws(Mistake) -> Bool {
        let (found, safe) = search()
        hand(on: safe, &events)
        guard found else { return false }
        // The buffer begins with the delimiter; what follows it decides.
        let after = delimiter.count
        guard buffer.count >= after + 2 else { return false }
        if buffer[after] == UInt8(ascii: "-"), buffer[after + 1] == UInt8(ascii: "-") {
            place = .epilogue
            return true
        }
        // Spaces may stand between the boundary and its line end (RFC 2046, 5.1.1).
        var index = after
        while index < buffer.count, buffer[index] == 0x20 || buffer[index] == 0x09, index < after + 1000 { index += 1 }
        guard buffer.count >= index + 2 else { return false }
        guard buffer[index] == 0x0D, buffer[index + 1] == 0x0A else {
            // Content that only looks like the delimiter.
            hand(on: 2, &events)
            return true
        }
        // The line end stays: a head without any field ends with the next one.
        buffer.removeFirst(index)
        place = .head
        return true
    }

    /// How many bytes at the front are certainly before any delimiter, and whether one begins there.
    private func search() -> (found: Bool, safe: Int) {
        var index = 0
        while let start = buffer[index...].firstIndex(of: 0x0D) {
            let here = buffer[start...].prefix(delimiter.count)
            if delimiter.starts(with: here) { return (here.count == delimiter.count, start) }
            index = start + 1
        }
        return (false, buffer.count)
    }

    private mutating func hand(on count: Int, _ events: inout [Event]) {
        guard count > 0 else { return }
        if place == .content { events.append(.data(Array(buffer.prefix(count)))) }
        buffer.removeFirst(count)
    }

    private mutating func readHead(_ events: inout [Event]) throws(Mistake) -> Bool {
        let end: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A]
        var index = 0
        while index + 4 <= min(buffer.count, Self.maximumHead) {
            if buffer[index] == 0x0D, buffer[index..<index + 4].elementsEqual(end) {
                let text = String(decoding: buffer[..<index], as: UTF8.self)
                buffer.removeFirst(index + 4)
                events.append(.part(try Self.head(text)))
                place = .content
                return true
            }
            index += 1
        }
        if buffer.count >= Self.maximumHead { throw Mistake(words: "A part's head is too long.") }
        return false
    }

    private static func head(_ text: String) throws(Mistake) -> PartHead {
        var head: PartHead?
        var transferEncoding: String?
        var contentType: String?
        for line in text.split(whereSeparator: { $0 == "\r\n" || $0 == "\n" || $0 == "\r" }) {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let value = String(line[line.index(after: colon)...])
            switch line[..<colon].lowercased() {
            case "content-disposition": head = ContentDisposition.formData(value)
            case "content-transfer-encoding":
                transferEncoding = String(value.drop { $0 == " " }).lowercased()
            case "content-type": contentType = String(value.drop { $0 == " " })
            default: break
            }
        }
        guard var head else { throw Mistake(words: "A part has no `Content-Disposition: form-data; name=\"…\"`.") }
        head.transferEncoding = transferEncoding
        head.contentType = contentType
        return head
    }
}
