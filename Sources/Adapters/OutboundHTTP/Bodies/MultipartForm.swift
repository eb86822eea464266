import CausewayCore

/// A `multipart/form-data` body (RFC 7578): each part's bytes go out as they are.
public struct MultipartForm: Sendable {
    public struct Part: Sendable {
        public var name: String
        public var filename: String?
        public var contentType: String?
        /// One after another.
        public var content: [OutboundBody.Segment]

        public init(
            name: String, filename: String? = nil, contentType: String? = nil, content: [OutboundBody.Segment]
        ) {
            self.name = name
            self.filename = filename
            self.contentType = contentType
            self.content = content
        }

        public static func field(_ name: String, _ value: String) -> Part {
            Part(name: name, content: [.bytes(Array(value.utf8))])
        }

        public static func file(
            _ name: String, filename: String, contentType: String = "application/octet-stream", _ slice: FileSlice
        ) -> Part {
            Part(name: name, filename: filename, contentType: contentType, content: [.file(slice)])
        }
    }

    public let parts: [Part]
    let boundary: String

    public init(_ parts: [Part]) {
        // 144 random bits: no search through the parts for a boundary that occurs in them.
        self.init(parts, boundary: "causeway-" + RandomToken.make(bytes: 18))
    }

    init(_ parts: [Part], boundary: String) {
        self.parts = parts
        self.boundary = boundary
    }

    var contentType: String { "multipart/form-data; boundary=\(boundary)" }

    var segments: [OutboundBody.Segment] {
        var segments: [OutboundBody.Segment] = []
        for (index, part) in parts.enumerated() {
            var head = index == 0 ? "" : "\r\n"
            head += "--\(boundary)\r\nContent-Disposition: form-data; name=\"\(Self.quoted(part.name))\""
            if let filename = part.filename { head += "; filename=\"\(Self.quoted(filename))\"" }
            if let type = part.contentType { head += "\r\nContent-Type: \(Self.oneLine(type))" }
            segments.append(.bytes(Array((head + "\r\n\r\n").utf8)))
            segments += part.content
        }
        segments.append(.bytes(Array((parts.isEmpty ? "--\(boundary)--\r\n" : "\r\n--\(boundary)--\r\n").utf8)))
        return segments
    }

    /// As browsers write names (WHATWG HTML, "multipart form data").
    private static func quoted(_ text: String) -> String {
        text.unicodeScalars.reduce(into: "") { quoted, scalar in
            switch scalar {
            case "\"": quoted += "%22"
            case "\r": quoted += "%0D"
            case "\n": quoted += "%0A"
            default: quoted.unicodeScalars.append(scalar)
            }
        }
    }

    private static func oneLine(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.filter { $0 != "\r" && $0 != "\n" }))
    }
}
