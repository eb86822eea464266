import HTTPTypes

/// Gathers the header lines of an answer as libcurl gives them, and reads them when asked: gathering is all the loop's
/// thread has to do.
struct HeadReader: Sendable {
    /// For all header lines of a request together: interim answers, redirects, the answer and its trailers.
    static let limit = 256 << 10

    enum Step: Equatable {
        case more
        /// The blank line behind the headers.
        case complete
        case tooLarge
    }

    private(set) var lines: [UInt8] = []
    /// 0 until a status line has come.
    private(set) var status = 0
    /// Whether these headers are complete; what follows are trailers, or the next answer.
    private(set) var isComplete = false
    private var hasLocation = false
    private var total = 0

    init() { lines.reserveCapacity(512) }

    /// Another request went out: what came before was not its answer.
    mutating func restart() {
        lines.removeAll(keepingCapacity: true)
        (status, isComplete, hasLocation) = (0, false, false)
    }

    mutating func take(_ line: UnsafeRawBufferPointer) -> Step {
        total += line.count
        if total > Self.limit { return .tooLarge }
        if unsafe line.starts(with: "HTTP/".utf8) {
            restart()
            if let space = unsafe line.firstIndex(of: UInt8(ascii: " ")) {
                let code = unsafe Array(line[(space + 1)...].prefix(3))
                for digit in code where (48...57).contains(digit) { status = status * 10 + Int(digit - 48) }
            }
        } else if isComplete {
            // A trailer: nobody here asks for them.
            return .more
        } else if unsafe line.first == UInt8(ascii: "\r") || line.first == UInt8(ascii: "\n") {
            isComplete = true
            return .complete
        } else if line.count > 9, unsafe line[0] | 32 == UInt8(ascii: "l"), unsafe line[8] == UInt8(ascii: ":") {
            hasLocation = unsafe hasLocation || line.prefix(8).elementsEqual("location".utf8) { $0 | 32 == $1 }
        }
        unsafe lines.append(contentsOf: line)
        return .more
    }

    /// Whether these are the headers of the answer itself, and not of one before it.
    func isFinal(followingRedirects: Bool) -> Bool {
        isComplete && status >= 200
            && !(followingRedirects && hasLocation && [301, 302, 303, 307, 308].contains(status))
    }

    /// The headers; a line that is no header is let go.
    func headers() -> HTTPFields {
        var fields: [(name: HTTPField.Name, value: ArraySlice<UInt8>)] = []
        for line in lines.split(separator: UInt8(ascii: "\n")).dropFirst() {
            let line = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
            if line.first == UInt8(ascii: " ") || line.first == UInt8(ascii: "\t") {
                // Folded (RFC 9112 section 5.2): goes on with the value before it.
                guard let last = fields.indices.last else { continue }
                fields[last].value = fields[last].value + [UInt8(ascii: " ")] + Self.trimmed(line)
                continue
            }
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")),
                let name = HTTPField.Name(String(decoding: line[..<colon], as: UTF8.self))
            else { continue }
            fields.append((name, Self.trimmed(line[(colon + 1)...])))
        }
        return HTTPFields(fields.map { HTTPField(name: $0.name, lenientValue: $0.value) })
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        let start = bytes.drop(while: isBlank)
        guard let end = start.lastIndex(where: { !isBlank($0) }) else { return start }
        return start[...end]
    }
}
