import CausewayCore

/// Which headers a subscription may add to its webhooks.
enum WebhookHeaders {
    /// Ours, and those that say how the message is carried.
    private static let reserved: Set<String> = [
        "host", "content-length", "content-type", "content-encoding", "transfer-encoding", "connection", "keep-alive",
        "proxy-connection", "proxy-authorization", "te", "trailer", "upgrade", "expect", "user-agent",
        "accept-encoding",
    ]

    static func read(_ members: [String: JSONValue]) -> (headers: [String: String], mistakes: [MemberMistake]) {
        guard members.count <= 20 else {
            return ([:], [MemberMistake("headers", "too_long", "No more than 20 headers.")])
        }
        var headers: [String: String] = [:]
        var mistakes: [MemberMistake] = []
        var names: Set<String> = []
        for (name, value) in members.sorted(by: { $0.key < $1.key }) {
            let field = "headers.\(name.prefix(100))"
            let lowered = name.lowercased()
            if !isToken(name) {
                mistakes.append(
                    MemberMistake(
                        field, "invalid_header", "A header's name is 1 to 100 of A–Z a–z 0–9 and !#$%&'*+-.^_`|~."))
            } else if reserved.contains(lowered) || lowered.hasPrefix("webhook-") {
                mistakes.append(MemberMistake(field, "reserved_header", "This header is set by us."))
            } else if !names.insert(lowered).inserted {
                mistakes.append(MemberMistake(field, "duplicate_header", "The same header twice."))
            } else if value.string == SubscriptionInput.mask {
                mistakes.append(
                    MemberMistake(
                        field, "masked_header", "This is what stands for a value that is hidden: give the value itself."
                    ))
            } else if let text = value.string, isValue(text) {
                headers[name] = text
            } else {
                mistakes.append(
                    MemberMistake(
                        field, "invalid_header",
                        "Its value is up to 2000 visible ASCII characters and spaces between them."))
            }
        }
        return (headers, mistakes)
    }

    /// RFC 9110, section 5.6.2.
    private static func isToken(_ name: String) -> Bool {
        (1...100).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
                default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
                }
            }
    }

    private static func isValue(_ text: String) -> Bool {
        text.utf8.count <= 2000 && text.utf8.allSatisfy { (0x20...0x7e).contains($0) } && text.first != " "
            && text.last != " "
    }
}
