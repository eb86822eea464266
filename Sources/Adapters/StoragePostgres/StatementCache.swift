import CausewayCore

/// Which statements a session has prepared. A name is made from the text, so that one name never means two texts,
/// whichever session it meets.
struct StatementCache {
    enum Use: Equatable {
        /// Behind a pooler nothing is prepared: the next transaction may run in another session.
        case unnamed
        /// To be prepared first.
        case new(name: String)
        case known(name: String)
    }

    /// Texts differ by the length of lists; what is used seldom makes room when there are too many.
    static let capacity = 512

    var isEnabled = true
    private var names: [String: String] = [:]

    var overflows: Bool { names.count >= Self.capacity }

    func use(_ text: String) -> Use {
        guard isEnabled else { return .unnamed }
        if let name = names[text] { return .known(name: name) }
        return .new(name: "causeway_" + Digest.sha256Hex(text).prefix(32))
    }

    mutating func learn(_ text: String) {
        guard case .new(let name) = use(text) else { return }
        names[text] = name
    }

    mutating func forget() { names = [:] }
}
