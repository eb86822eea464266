import ArgumentParser
import CausewayCore
import Foundation
import OutboundHTTP

/// Which gateway a client command speaks to, and as whom.
struct ClientOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The gateway; or CAUSEWAY_URL. http://127.0.0.1:8080 without.", valueName: "url"))
    var url: String?
    @Option(help: ArgumentHelp("Your key; or CAUSEWAY_KEY, which no list of processes shows.", valueName: "key"))
    var key: String?

    /// Without a slash at the end. Ends with 2 where it is no address.
    func address() throws -> String {
        let text = url ?? Self.environment("CAUSEWAY_URL") ?? "http://127.0.0.1:8080"
        let parsed: OutboundURL
        do throws(OutboundURL.Mistake) {
            parsed = try OutboundURL(text)
        } catch {
            throw ValidationError("\(text) is no address of a gateway: \(error)")
        }
        guard !parsed.hasCredentials else {
            throw ValidationError("The gateway's address holds a user or password; give the key with --key.")
        }
        return String(text.reversed().drop { $0 == "/" }.reversed())
    }

    func secret() throws -> Secret {
        guard let key = key ?? Self.environment("CAUSEWAY_KEY") else {
            throw ValidationError("A key is needed: set CAUSEWAY_KEY, or give --key.")
        }
        return Secret(key)
    }

    private static func environment(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }
}
