public import CausewayCore
import Foundation

/// A PostgreSQL address as libpq takes it: `postgres://user:password@host:port,host:port/database?parameter=value`.
///
/// Only its shape is looked at here: what each parameter means is libpq's business.
public struct DatabaseAddress: Sendable {
    /// The whole of it, to be handed to libpq alone.
    public let url: Secret
    /// Hosts and database, without user, password and parameters: what may be logged.
    public let place: String
    /// `sslmode`, where the address has one.
    let sslMode: String?
    /// No host but the machine's own: a socket, a loopback address.
    let isLocal: Bool

    /// What is wrong with an address, in words that hold nothing of it.
    struct Mistake: Error {
        let words: String

        init(_ words: String) { self.words = words }
    }

    init(parsing text: String) throws(Mistake) {
        let scheme = ["postgres://", "postgresql://"].first { text.hasPrefix($0) }
        guard let scheme else { throw Mistake("is no address of a database that Causeway knows") }
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw Mistake("holds a space, a letter beyond ASCII or a control character: write it as %20 and the like")
        }
        // libpq refuses these in words that repeat what they stand in, the password included.
        guard !text.contains("%00") else { throw Mistake("holds %00, which nothing in it may") }
        guard !text.contains("#") else { throw Mistake("holds a #: write it as %23") }
        let parts = text.dropFirst(scheme.count).split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let parameters = try Self.parameters(parts.count > 1 ? parts[1] : "")
        let (authority, path) = Self.divided(parts[0], at: "/")
        // libpq takes everything up to the first @ for the user and the password.
        let (before, after) = Self.divided(authority, at: "@")
        let hosts = try Self.hosts(after ?? before)
        if let path, path.contains(where: { $0 == "/" || $0 == "@" }) {
            throw Mistake("has a / or an @ out of place: in a user, password or name write %2F and %40")
        }
        for part in [after == nil ? nil : before, path].compactMap(\.self) where part.removingPercentEncoding == nil {
            throw Mistake("holds a % that begins no two hexadecimal digits: write it as %25")
        }
        let named = [parameters["host"], parameters["hostaddr"]].compactMap(\.self).first.map { [$0] }
        let all = hosts.isEmpty ? named ?? [] : hosts
        let database = path.flatMap { $0.isEmpty ? nil : $0.removingPercentEncoding } ?? parameters["dbname"]
        url = Secret(text)
        place = "\(all.isEmpty ? "a local socket" : all.joined(separator: ","))/\(database ?? "")"
        sslMode = parameters["sslmode"]
        isLocal = all.allSatisfy { host in
            ["localhost", "127.", "[::1]", "::1", "/"].contains { host.hasPrefix($0) } || host.hasPrefix("%2F")
        }
    }

    /// Each `host`, `host:port` or `[address]:port`; none where the address has none.
    private static func hosts(_ text: Substring) throws(Mistake) -> [String] {
        guard !text.isEmpty else { return [] }
        let hosts = text.split(separator: ",", omittingEmptySubsequences: false)
        for host in hosts {
            guard !host.hasPrefix("[") || (host.contains("]") && !host.hasPrefix("[]")) else {
                throw Mistake("has a [ without an address and a ] behind it")
            }
            let name = host.hasPrefix("[") ? host.prefix { $0 != "]" } + "]" : host.prefix { $0 != ":" }
            let rest = host.dropFirst(name.count)
            guard !name.contains("@"), !name.isEmpty || hosts.count == 1 else {
                throw Mistake("has a host without a name, or an @ in its user or password: write that as %40")
            }
            guard rest.isEmpty || isPort(rest) else {
                throw Mistake("has a port that is none: where the password holds a : / or @, write %3A %2F %40")
            }
        }
        return hosts.map(String.init)
    }

    private static func isPort(_ text: Substring) -> Bool {
        guard text.first == ":", let port = Int(text.dropFirst()) else { return text == ":" }
        return (1...65_535).contains(port)
    }

    private static func parameters(_ text: Substring) throws(Mistake) -> [String: String] {
        var parameters: [String: String] = [:]
        for pair in text.split(separator: "&") {
            let (name, value) = divided(pair, at: "=")
            guard let value, !name.isEmpty, let plain = value.removingPercentEncoding else {
                throw Mistake("has a parameter that is no name=value")
            }
            parameters[String(name)] = plain
        }
        return parameters
    }

    private static func divided(_ text: Substring, at mark: Character) -> (Substring, Substring?) {
        guard let place = text.firstIndex(of: mark) else { return (text, nil) }
        return (text[..<place], text[text.index(after: place)...])
    }
}

extension SettingKind where Value == DatabaseAddress {
    static let databaseAddress: Self = Self("an address such as postgres://causeway@db.example.com/causeway") {
        text throws(Unfit) in
        do throws(DatabaseAddress.Mistake) {
            return try DatabaseAddress(parsing: text)
        } catch {
            throw Unfit(words: error.words)
        }
    }
}
