import CausewayCore
import Foundation

/// Everything the demo writes: the gateway's data, the files that curl sends and gets, the logs.
struct DemoDirectory: Sendable {
    let url: URL

    var path: String { url.path }
    var data: String { url.appending(path: "data").path }
    var logs: [URL] { [log("gateway"), log("simulator")] }

    init() throws {
        let parent = FileManager.default.temporaryDirectory
        url = parent.appending(path: "causeway-demo-\(RandomToken.make(bytes: 6))")
        try FileManager.default.createDirectory(
            at: url, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        // Read by curl in place of the user's own, so that the lines shown need none of this.
        try write(
            ".curlrc",
            """
            silent
            show-error
            noproxy = "*"
            max-time = 75
            write-out = "\\n%{http_code}"

            """)
    }

    func log(_ name: String) -> URL { url.appending(path: "\(name).log") }

    func write(_ name: String, _ text: String) throws {
        try Data(text.utf8).write(to: url.appending(path: name))
    }

    func read(_ name: String) throws -> Data { try Data(contentsOf: url.appending(path: name)) }

    func remove() { try? FileManager.default.removeItem(at: url) }
}
