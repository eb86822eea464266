/// One setting: its name, how its text is read, and what is said about it. Settings are rows of `SettingTable`;
/// environment names, the file, the documentation and the checks all come from there.
struct Setting<Value: Sendable>: Sendable {
    let description: SettingDescription
    let kind: SettingKind<Value>

    /// - Parameters:
    ///   - fallback: the default as one would write it; nil where there is none.
    ///   - fallbackNote: says what stands in where there is no default.
    init(
        _ name: String, _ kind: SettingKind<Value>, default fallback: String? = nil, note fallbackNote: String? = nil,
        isSecret: Bool = false, isInferred: Bool = false, _ documentation: String
    ) {
        self.kind = kind
        description = SettingDescription(
            name: name, defaultText: fallback, defaultNote: fallbackNote, expects: kind.expects,
            documentation: documentation, isSecret: isSecret, isInferred: isInferred)
    }
}

/// What a setting is, for people.
public struct SettingDescription: Hashable, Sendable {
    /// The path in `causeway.yaml`: `vendor.url`.
    public let name: String
    /// As one would write it; nil where there is none.
    public let defaultText: String?
    /// What stands in where there is no default.
    public let defaultNote: String?
    /// What a right value looks like.
    public let expects: String
    /// One sentence.
    public let documentation: String
    /// Whether its value must not be seen.
    public let isSecret: Bool
    /// Whether the vendor leaves undocumented what this says, so that it may have to be corrected.
    public let isInferred: Bool

    /// `CAUSEWAY_VENDOR_URL`
    public var environmentName: String { Self.environmentName(of: name) }

    static let environmentPrefix = "CAUSEWAY_"

    static func environmentName(of name: String) -> String {
        environmentPrefix + name.uppercased().replacing(".", with: "_")
    }
}
