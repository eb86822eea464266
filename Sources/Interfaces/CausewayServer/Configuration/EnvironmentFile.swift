/// The environment file that is installed: every setting with its default, commented out.
public enum EnvironmentFile {
    public static func render(_ settings: [SettingDescription] = SettingTable.all) -> String {
        var text = """
            # Settings of Causeway. Remove the # before a line to set it; what stands there is the default.
            # The same settings can stand in a YAML file given with --config, under the names in parentheses.
            # This file may hold secrets: mode 600, owner root.

            """
        var group: String?
        for setting in settings {
            let own = setting.name.split(separator: ".").dropLast().first.map(String.init) ?? ""
            if own != group {
                group = own
                let title = own.isEmpty ? "service" : own
                text += "\n# ---- \(title) \(String(repeating: "-", count: 100 - title.count))\n"
            }
            text += "\n" + comment(setting) + "#\(setting.environmentName)=\(setting.defaultText ?? "")\n"
        }
        return text
    }

    private static func comment(_ setting: SettingDescription) -> String {
        var sentences = "(\(setting.name)) \(setting.documentation)"
        if setting.isInferred { sentences += " The vendor does not document this." }
        if let note = setting.defaultNote { sentences += " Default: \(note)." }
        sentences += " Write \(setting.expects)."
        return wrapped(sentences)
    }

    private static func wrapped(_ text: String) -> String {
        var lines = ["#"]
        for word in text.split(separator: " ") {
            if lines[lines.count - 1].count + word.count > 108 { lines.append("#") }
            lines[lines.count - 1] += " \(word)"
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
