import Access
import ArgumentParser
import CausewayCore
import CausewayServer
import Foundation
import Storage

/// `causeway keys`: callers' keys, on the store itself, so that the first one needs no other. May run while the gateway
/// serves.
struct Keys: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make, list and revoke callers' keys.", subcommands: [Create.self, List.self, Revoke.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a key and print it, this once.",
            discussion: "Scopes: \(Scope.all.map(\.name).joined(separator: ", ")).")

        @OptionGroup var options: SettingsOptions
        @Option(help: "Whose key it is, for lists and the audit log.")
        var name: String
        @Option(help: "What it may do; may be repeated.")
        var scope: [String]
        @Option(help: ArgumentHelp("When it ends, such as 2027-01-31T00:00:00Z.", valueName: "time"))
        var expiresAt: String?

        func run() async throws {
            let scopes = try scope.map { name in
                guard let scope = Scope(name) else {
                    let near = NearestName.of(name, among: Scope.all.map(\.name)).map { " Did you mean \($0)?" } ?? ""
                    throw ValidationError("There is no scope \(name).\(near)")
                }
                return scope
            }
            let end = try expiresAt.map { text in
                guard let time = Timestamp(rfc3339: text) else {
                    throw ValidationError("\(text) is no time such as 2027-01-31T00:00:00Z.")
                }
                return time
            }
            guard !scopes.isEmpty else { throw ValidationError("Name at least one --scope.") }
            guard (1...100).contains(name.count) else { throw ValidationError("--name has 1 to 100 characters.") }
            let issued = try await Keys.withStore(options) { keys, recorder in
                try await keys.create(name: name, scopes: scopes, expiresAt: end) { issued, transaction in
                    try recorder("key.create", issued.key.id.text, transaction)
                }
            }
            FileHandle.standardError.write(Data("\(issued.key.id)  \(name)  (the key is not shown again)\n".utf8))
            print(issued.text.reveal())
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List keys, newest first.")

        @OptionGroup var options: SettingsOptions

        func run() async throws {
            try await Keys.withStore(options) { keys, _ in
                var page = PageRequest(limit: 200)
                repeat {
                    let part = try await keys.list(page)
                    for key in part.elements {
                        let state =
                            key.revokedAt.map { "revoked \($0.rfc3339)" } ?? key.expiresAt.map { "until \($0.rfc3339)" }
                        let scopes = key.scopes.map(\.name).joined(separator: " ")
                        print("\(key.id)  \(key.name)  \(scopes)  \(state ?? "")")
                    }
                    page.after = part.next
                } while page.after != nil
            }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "End a key at once.")

        @OptionGroup var options: SettingsOptions
        @Argument(help: "The key's id, key_….")
        var id: String

        func run() async throws {
            guard let key = APIKeyID(parsing: id) else { throw ValidationError("\(id) is no key's id.") }
            try await Keys.withStore(options) { keys, recorder in
                let revoked = try await keys.revoke(key) { try recorder("key.revoke", $0.id.text, $1) }
                if revoked == nil { throw CommandFailure("There is no key \(id).") }
            }
        }
    }

    typealias Recorder = @Sendable (_ action: String, _ resource: String, any Transaction) throws -> Void

    private static func withStore<Result: Sendable>(
        _ options: SettingsOptions, _ body: (KeyOperations, @escaping Recorder) async throws -> Result
    ) async throws -> Result {
        let settings = try options.settings(.administration)
        let engine = try Store.open(settings, logger: settings.makeLogger())
        let time = SystemTimeSource()
        try await Schema.prepare(engine, at: time.now())
        let user = NSUserName()
        let result = try await body(KeyOperations(engine: engine, time: time)) { action, resource, transaction in
            try AuditLog().append(
                AuditEntry(
                    at: time.now(), caller: "command", callerName: user, action: action, resource: resource, result: 0),
                in: transaction)
        }
        try await engine.close()
        return result
    }
}
