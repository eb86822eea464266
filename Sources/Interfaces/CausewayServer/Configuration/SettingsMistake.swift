/// One thing that is wrong with the settings. Holds no secret.
public struct SettingsMistake: Hashable, Sendable, CustomStringConvertible {
    /// The variable, or file and line, where it stands.
    public let place: String
    /// The setting's name, or what was taken for one.
    public let setting: String
    /// What is wrong.
    public let words: String
    /// What would be right.
    public let remedy: String

    public var description: String {
        let name = place == SettingDescription.environmentName(of: setting) ? "" : " \(setting)"
        return "\(place):\(name) \(words); \(remedy)"
    }
}

/// The settings cannot be used; names every mistake.
public struct SettingsRefused: Error, Sendable, CustomStringConvertible {
    public let mistakes: [SettingsMistake]

    public var description: String {
        let count = mistakes.count == 1 ? "a mistake" : "\(mistakes.count) mistakes"
        return "\(count) in the settings:\n" + mistakes.map { "  - \($0)" }.joined(separator: "\n")
    }
}
