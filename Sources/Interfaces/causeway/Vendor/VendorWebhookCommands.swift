import ArgumentParser
import CausewayCore
import CausewayServer
import Exports
import Foundation

/// `causeway vendor webhook status`
struct VendorWebhookStatus: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Whether the vendor has it, and the address it leads to.",
        discussion: """
            The address holds a secret token. It is also the one to paste as Webhook URL of a scheduled export.
            """)

    @OptionGroup var options: SettingsOptions
    @Flag(help: "As JSON.")
    var json = false

    func run() async throws {
        let settings = try options.settings(.serving)
        let (state, url) = try await AccountWebhookAccess.with(settings, logger: settings.makeQuietLogger()) { access in
            (try await access.webhook.state(), try await access.webhook.url())
        }
        WebhookAnswer(state: state.word, key: state.key, why: state.why, url: url).show(asJSON: json)
        guard case .right = state else { throw ExitCode(1) }
    }
}

/// `causeway vendor webhook register`
struct VendorWebhookRegister: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "register", abstract: "Make it where it is missing, mend it where it is wrong.")

    @OptionGroup var options: SettingsOptions
    @Flag(help: "As JSON.")
    var json = false
    @Flag(help: "Also where the gateways on this database serve another public_url.")
    var force = false

    func run() async throws {
        let settings = try options.settings(.serving)
        let (was, now, url) = try await AccountWebhookAccess.with(settings, logger: settings.makeQuietLogger()) {
            access in
            let others = try await access.webhook.servedElsewhere()
            guard others.isEmpty || force else {
                throw CommandFailure(
                    """
                    public_url is \(settings.publicURL) here, and \(others.joined(separator: ", ")) for the gateways on \
                    this database. Run it with their settings, or with --force.
                    """)
            }
            let was = try await access.webhook.register()
            let now = try await access.webhook.state()
            try await access.audit("webhook.register", now.key ?? "")
            return (was, now, try await access.webhook.url())
        }
        let word =
            switch was {
            case .right: "unchanged"
            case .wrong: "mended"
            case .missing: "registered"
            }
        WebhookAnswer(state: word, key: now.key, why: was.why, url: url).show(asJSON: json)
        guard case .right = now else {
            throw CommandFailure(
                "The vendor took it, and yet does not show it as it should be: \(now.why ?? now.word).")
        }
    }
}

/// `causeway vendor webhook remove`
struct VendorWebhookRemove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Take it away; polling goes on finding how exports end.")

    @OptionGroup var options: SettingsOptions
    @Flag(help: "As JSON.")
    var json = false

    func run() async throws {
        let settings = try options.settings(.serving)
        let count = try await AccountWebhookAccess.with(settings, logger: settings.makeQuietLogger()) { access in
            let count = try await access.webhook.remove()
            if count > 0 { try await access.audit("webhook.remove", settings.publicURL) }
            return count
        }
        if json {
            print((["state": "missing", "removed": .integer(Int64(count))] as JSONValue).text)
        } else {
            print(count == 0 ? "there was none" : "removed")
        }
        if settings.vendor.registersWebhook {
            let words = "A gateway that serves registers it again, unless vendor.register_webhook is false.\n"
            FileHandle.standardError.write(Data(words.utf8))
        }
    }
}

/// What a command says of it, for people or programs.
struct WebhookAnswer {
    let state: String
    let key: String?
    let why: String?
    let url: String

    func show(asJSON: Bool) {
        if asJSON {
            let json: JSONValue = [
                "state": .string(state), "key": .optional(key), "why": .optional(why), "url": .string(url),
            ]
            print(json.text)
        } else {
            print([state + (why.map { ": \($0)" } ?? ""), key, url].compactMap(\.self).joined(separator: "  "))
        }
    }
}

extension AccountWebhook.State {
    var word: String {
        switch self {
        case .right: "registered"
        case .wrong: "wrong"
        case .missing: "missing"
        }
    }

    var key: String? {
        switch self {
        case .right(let key), .wrong(let key, _): key
        case .missing: nil
        }
    }

    var why: String? { if case .wrong(_, let why) = self { why } else { nil } }
}
