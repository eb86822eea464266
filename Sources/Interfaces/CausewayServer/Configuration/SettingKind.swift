import CausewayCore
import Fanout
import Imports
import OutboundHTTP

/// How the text of a setting becomes a value.
struct SettingKind<Value: Sendable>: Sendable {
    /// What a right value looks like; follows "write".
    let expects: String
    let parse: @Sendable (String) throws(Unfit) -> Value

    /// What is wrong with a text, where more can be said than that it is not what is expected.
    struct Unfit: Error {
        var words: String?
    }

    init(_ expects: String, _ parse: @escaping @Sendable (String) throws(Unfit) -> Value) {
        self.expects = expects
        self.parse = parse
    }

    /// From a function that gives nil for what does not fit.
    init(_ expects: String, reading: @escaping @Sendable (String) -> Value?) {
        self.init(expects) { text throws(Unfit) in
            guard let value = reading(text) else { throw Unfit() }
            return value
        }
    }
}

extension SettingKind where Value == String {
    static let text: Self = Self("some text", reading: { $0 })

    static let path: Self = Self("the path of a file or directory", reading: { $0 })

    static let emailAddress: Self = Self("an e-mail address such as ops@example.com") { text in
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        return parts.count == 2 && parts.allSatisfy { !$0.isEmpty && !$0.contains(where: \.isWhitespace) } ? text : nil
    }

    static func choice(_ words: String...) -> Self {
        Self("one of \(words.joined(separator: ", "))", reading: { words.contains($0) ? $0 : nil })
    }

    /// Without a slash at the end.
    static let httpURL: Self = Self("an address such as https://causeway.example.com") { text throws(Unfit) in
        let url: OutboundURL
        do throws(OutboundURL.Mistake) {
            url = try OutboundURL(text)
        } catch {
            throw Unfit(words: "is no address: \(error)")
        }
        if url.hasCredentials { throw Unfit(words: "holds a user or password") }
        if text.contains(where: { $0 == "?" || $0 == "#" }) { throw Unfit(words: "goes on after its path") }
        return String(text.reversed().drop { $0 == "/" }.reversed())
    }

    /// A path at the vendor in which each of `placeholders` stands once.
    static func vendorPath(_ placeholders: String...) -> Self {
        let example = placeholders.map { " with \($0) in it" }.joined()
        return Self("a path that begins with a slash\(example)") { text in
            let holds = placeholders.allSatisfy {
                text.split(separator: $0, omittingEmptySubsequences: false).count == 2
            }
            return text.hasPrefix("/") && holds && !text.contains(where: \.isWhitespace) ? text : nil
        }
    }
}

extension SettingKind where Value == Secret {
    static let secret: Self = Self("the text as it was given to you") { text in
        text.contains(where: \.isWhitespace) ? nil : Secret(text)
    }
}

extension SettingKind where Value == SecretVault.Key {
    static let encryptionKey: Self = Self(
        "32 bytes in base 64 or as 64 hexadecimal digits", reading: Value.init(parsing:))
}

extension SettingKind where Value == [SecretVault.Key] {
    static let encryptionKeys: Self = Self("keys of 32 bytes in base 64 or as 64 hexadecimal digits, between commas") {
        text in
        let parts = text.split(separator: ",").map { String($0.filter { $0 != " " }) }
        let keys = parts.compactMap(SecretVault.Key.init(parsing:))
        return keys.count == parts.count && !keys.isEmpty ? keys : nil
    }
}

extension SettingKind where Value == Bool {
    static let boolean: Self = Self("true or false") { text in
        switch text {
        case "true": true
        case "false": false
        default: nil
        }
    }
}

extension SettingKind where Value == Int {
    static func number(_ range: ClosedRange<Int>) -> Self {
        Self("a whole number from \(range.lowerBound) to \(range.upperBound)") { text in
            guard text.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(text) else { return nil }
            return range.contains(number) ? number : nil
        }
    }
}

extension SettingKind where Value == Int64 {
    /// In bytes.
    static func byteSize(atLeast least: Int64) -> Self {
        Self("a size such as 500MB or 2GiB") { text throws(Unfit) in
            guard let size = ByteSizeText.parse(text) else { throw Unfit() }
            guard size >= least else { throw Unfit(words: "is less than \(least) bytes") }
            return size
        }
    }
}

extension SettingKind where Value == Duration {
    static func duration(_ range: ClosedRange<Duration>) -> Self {
        let least = DurationText.format(range.lowerBound)
        let most = DurationText.format(range.upperBound)
        return Self("a duration from \(least) to \(most), a number with ms, s, m, h or d") { text throws(Unfit) in
            guard let duration = DurationText.parse(text) else { throw Unfit() }
            if duration < range.lowerBound { throw Unfit(words: "is shorter than \(least)") }
            if duration > range.upperBound { throw Unfit(words: "is longer than \(most)") }
            return duration
        }
    }
}

extension SettingKind where Value == RetrySchedule {
    static let retrySchedule: Self = Self("the waits between attempts, such as 5s,30s,2m") { text throws(Unfit) in
        guard let schedule = RetrySchedule(parsing: text) else { throw Unfit() }
        guard schedule.intervals.count <= 50 else { throw Unfit(words: "has more than 50 waits") }
        guard schedule.intervals.allSatisfy({ $0 <= .seconds(30 * 86_400) }) else {
            throw Unfit(words: "has a wait longer than 30d")
        }
        return schedule
    }
}

extension SettingKind where Value == AllowedNetworks {
    static let networks: Self = Self("networks such as 10.0.0.0/8,fd00::/8") { text throws(Unfit) in
        do throws(AllowedNetworks.ParseErrors) {
            return try AllowedNetworks(parsing: text)
        } catch {
            throw Unfit(words: "is not a list of networks: \(error)")
        }
    }
}

extension SettingKind where Value == Set<Int> {
    static let ports: Self = Self("numbers from 1 to 65535 between commas") { text in
        let parts = text.split(separator: ",").map { $0.filter { $0 != " " } }
        let ports = parts.compactMap { Int($0) }.filter { (1...65_535).contains($0) }
        return ports.count == parts.count && !ports.isEmpty ? Set(ports) : nil
    }
}

extension SettingKind where Value == Set<ImportObject> {
    static let importObjects: Self = Self(
        "some of \(ImportObject.allCases.map(\.rawValue).joined(separator: ", ")) between commas"
    ) { text in
        let words = text.split(separator: ",").map { $0.filter { $0 != " " } }
        let objects = words.compactMap { ImportObject(rawValue: $0) }
        return objects.count == words.count && !objects.isEmpty ? Set(objects) : nil
    }
}

extension SettingKind where Value == ApprovalAmounts {
    static let approvalAmounts: Self = Self(
        "a sum in whole units such as 10000, or sums such as USD:10000,EUR:8000", reading: Value.init(parsing:))
}

extension SettingKind where Value == [String] {
    static let words: Self = Self("words separated by commas") { text in
        let words = text.split(separator: ",").map { $0.trimmingPrefix { $0 == " " } }.filter { !$0.isEmpty }
        return words.isEmpty ? nil : words.map { String($0).lowercased() }
    }
}

extension SettingKind where Value: CaseIterable & RawRepresentable, Value.RawValue == String {
    static var oneOf: Self {
        Self("one of \(Value.allCases.map(\.rawValue).joined(separator: ", "))", reading: Value.init(rawValue:))
    }
}
