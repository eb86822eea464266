import CausewayCore

/// Looks settings up, environment before file before default, and collects what is wrong.
struct SettingsReader {
    private(set) var mistakes: [SettingsMistake] = []
    /// Names that were looked up: all that has an effect.
    private(set) var asked: Set<String> = []
    private let environment: [String: String]
    private(set) var file = SettingsFile.empty

    init(environment: [String: String]) {
        // A variable without text is as good as none: that is how compose files and service units leave things out.
        self.environment = environment.filter { !$0.value.isEmpty }
    }

    mutating func read(file path: String?) {
        let (file, mistakes) = SettingsFile.read(path)
        self.file = file
        self.mistakes += mistakes
    }

    mutating func refuse(_ mistake: SettingsMistake) { mistakes.append(mistake) }

    // MARK: One setting

    /// A setting with a default; that stands in as well where the text is wrong, so that reading goes on.
    mutating func value<Value>(_ setting: Setting<Value>) -> Value {
        if let value = optional(setting) { return value }
        do throws(SettingKind<Value>.Unfit) {
            return try setting.kind.parse(setting.description.defaultText ?? "")
        } catch {
            preconditionFailure("the default of \(setting.description.name) does not fit its kind")
        }
    }

    /// Nil where it is not set, or wrong. Being absent is a mistake where it is needed.
    mutating func optional<Value>(_ setting: Setting<Value>, isNeeded: Bool = false) -> Value? {
        let description = setting.description
        asked.insert(description.name)
        guard let (text, place) = text(of: description) else {
            if isNeeded {
                mistakes.append(
                    SettingsMistake(
                        place: description.environmentName, setting: description.name, words: "is not set",
                        remedy: "write \(setting.kind.expects), or \(description.name) in causeway.yaml"))
            }
            return nil
        }
        do throws(SettingKind<Value>.Unfit) {
            return try setting.kind.parse(text)
        } catch {
            let shown = description.isSecret ? "its text" : "\"\(text)\""
            mistakes.append(
                SettingsMistake(
                    place: place, setting: description.name, words: "\(shown) \(error.words ?? "does not fit")",
                    remedy: "write \(setting.kind.expects)"))
            return nil
        }
    }

    private func text(of description: SettingDescription) -> (text: String, place: String)? {
        if let text = environment[description.environmentName] { return (text, description.environmentName) }
        return file.values[description.name].map { ($0.text, file.place($0.line)) }
    }

    // MARK: What is no setting

    /// A typo must not be silently ignored: what looks like a setting and is none is a mistake.
    mutating func refuseUnknown() {
        let all = SettingTable.all
        for name in environment.keys.sorted() where name.hasPrefix(SettingDescription.environmentPrefix) {
            guard !all.contains(where: { $0.environmentName == name }), !Self.isForeign(name) else { continue }
            let near = NearestName.of(name, among: all.map(\.environmentName))
            mistakes.append(
                SettingsMistake(place: "the environment", setting: name, words: "is no setting", remedy: ask(near)))
        }
        for (name, value) in file.values.sorted(by: { $0.value.line < $1.value.line }) {
            guard !all.contains(where: { $0.name == name }) else { continue }
            let group = all.filter { $0.name.hasPrefix("\(name).") }.map(\.name)
            let remedy =
                group.isEmpty
                ? ask(nearest(name))
                : "it is a group: indent \(group.prefix(3).joined(separator: ", ")) under it"
            mistakes.append(
                SettingsMistake(place: file.place(value.line), setting: name, words: "is no setting", remedy: remedy))
        }
    }

    /// The right word in the wrong group, or else the name with the fewest letters changed.
    private func nearest(_ name: String) -> String? {
        let names = SettingTable.all.map(\.name)
        func word(_ name: String) -> Substring? { name.split(separator: ".").last }
        return names.first { word($0) == word(name) } ?? NearestName.of(name, among: names)
    }

    private func ask(_ near: String?) -> String {
        near.map { "did you mean \($0)?" } ?? "take it out; the README names all settings"
    }

    /// What client commands read, and what Kubernetes puts into the environment of every container beside a service
    /// that is named causeway.
    private static func isForeign(_ name: String) -> Bool {
        ["CAUSEWAY_URL", "CAUSEWAY_KEY"].contains(name)
            || ["CAUSEWAY_PORT", "CAUSEWAY_SERVICE_"].contains { name.hasPrefix($0) }
    }
}
