import CausewayCore
import CausewayServer
import Foundation
import Logging
import OutboundHTTP
import Support
import Testing

/// Enough to serve.
private let needed = [
    "CAUSEWAY_VENDOR_PUBLIC_KEY": "pk_test", "CAUSEWAY_VENDOR_SECRET_KEY": "sk_hidden",
    "CAUSEWAY_VENDOR_MEMBER_EMAIL": "ops@example.com", "CAUSEWAY_PUBLIC_URL": "https://causeway.example.com",
]

private func load(_ environment: [String: String] = [:], yaml: String? = nil) throws -> Settings {
    let directory = try TemporaryDirectory()
    if let yaml { try yaml.write(toFile: directory.file("causeway.yaml"), atomically: true, encoding: .utf8) }
    return try Settings.load(
        file: yaml == nil ? nil : directory.file("causeway.yaml"),
        environment: needed.merging(environment) { $1 })
}

/// What is said about the settings, one text for each mistake.
private func mistakes(_ environment: [String: String] = [:], yaml: String? = nil) throws -> [String] {
    do throws(any Error) {
        _ = try load(environment, yaml: yaml)
        return []
    } catch let refused as SettingsRefused {
        return refused.mistakes.map(\.description)
    }
}

@Suite("Settings")
struct SettingsTests {
    @Test("Without more than the vendor's keys every setting has its default")
    func defaults() throws {
        let settings = try Settings.load(environment: needed.filter { $0.key != "CAUSEWAY_PUBLIC_URL" })
        #expect(settings.listen.description == "127.0.0.1:8080")
        #expect(settings.publicURL == "http://127.0.0.1:8080")
        #expect(settings.internalURL == settings.publicURL)
        #expect(settings.dataDirectory == "./causeway-data")
        #expect(settings.vendor.url == "https://api.partnerstack.com")
        #expect(settings.vendor.registersWebhook)
        #expect(settings.exports.pollFast == .seconds(30))
        #expect(settings.exports.pollSlow == .seconds(60))
        #expect(settings.deliveries.retrySchedule.text == "5s,30s,2m,15m,1h,4h,12h,1d")
        #expect(settings.deliveries.timeout == .seconds(15))
        #expect(settings.deliveries.allowedNetworks.networks.isEmpty)
        #expect(settings.imports.maximumSize == 2 << 30)
        #expect(settings.imports.chunkRows == 10_000)
        #expect(settings.log.level == .info)
        #expect(settings.log.format == nil)
        #expect(settings.adminKey == nil)
    }

    @Test("The environment goes before the file, the file before the default")
    func order() throws {
        let settings = try load(
            ["CAUSEWAY_POLLING_FAST": "5s"], yaml: "polling:\n  fast: 10s\n  slow: 20s\nlog: {level: debug}\n")
        #expect(settings.exports.pollFast == .seconds(5))
        #expect(settings.exports.pollSlow == .seconds(20))
        #expect(settings.log.level == .debug)
    }

    @Test("A list can be written as YAML's or with commas")
    func lists() throws {
        let asList = try load(yaml: "deliveries:\n  allow_networks:\n    - 10.0.0.0/8\n    - fd00::/8\n")
        let withCommas = try load(["CAUSEWAY_DELIVERIES_ALLOW_NETWORKS": "10.0.0.0/8, fd00::/8"])
        #expect(asList.deliveries.allowedNetworks == withCommas.deliveries.allowedNetworks)
        #expect(asList.deliveries.allowedNetworks.networks.count == 2)
        #expect(try load(yaml: "deliveries:\n  retry_schedule: [1s, 2s]\n").deliveries.retrySchedule.text == "1s,2s")
    }

    @Test("A slash at the end of an address is let go")
    func slashes() throws {
        #expect(
            try load(["CAUSEWAY_PUBLIC_URL": "https://example.com/causeway/"]).publicURL
                == "https://example.com/causeway")
    }

    @Test("A variable without text, a key without value and an empty file set nothing")
    func empties() throws {
        #expect(try load(["CAUSEWAY_POLLING_FAST": ""]).exports.pollFast == .seconds(30))
        #expect(try load(yaml: "polling:\n  fast:\nadmin_key: ''\n").exports.pollFast == .seconds(30))
        #expect(try load(yaml: "# nothing here\n").exports.pollFast == .seconds(30))
    }

    @Test(
        "Addresses to listen at",
        arguments: [
            ("127.0.0.1:80", "127.0.0.1", 80), ("[::1]:8080", "::1", 8080), ("localhost:1", "localhost", 1),
            ("0.0.0.0:65535", "0.0.0.0", 65_535),
        ])
    func listenAddresses(text: String, host: String, port: Int) throws {
        let address = try #require(ListenAddress(parsing: text))
        #expect(address.host == host)
        #expect(address.port == port)
        #expect(address.description == text)
    }

    @Test(
        "What is no address to listen at",
        arguments: [
            "8080", ":8080", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "::1:8080", "[::1]", "[127.0.0.1]:80",
            "a b:80",
            "127.0.0.1:+80", "http://x:80",
        ])
    func listenMistakes(text: String) {
        #expect(ListenAddress(parsing: text) == nil)
    }

    @Test("Administration needs no vendor keys, serving names each that is missing")
    func purposes() throws {
        #expect(try Settings.load(environment: [:], purpose: .administration).vendor.keys == nil)
        let refused = #expect(throws: SettingsRefused.self) { try Settings.load(environment: [:]) }
        #expect(
            refused?.mistakes.map(\.place) == [
                "CAUSEWAY_VENDOR_PUBLIC_KEY", "CAUSEWAY_VENDOR_SECRET_KEY", "CAUSEWAY_VENDOR_MEMBER_EMAIL",
            ])
        #expect(
            refused?.description.hasPrefix("3 mistakes in the settings:\n  - CAUSEWAY_VENDOR_PUBLIC_KEY: is not set")
                == true)
    }
}

@Suite("Mistakes in the settings")
struct SettingsMistakeTests {
    @Test(
        "Each says where it stands, what is wrong and what would be right",
        arguments: [
            (
                "LISTEN", "8080",
                "CAUSEWAY_LISTEN: \"8080\" does not fit; write host:port, such as 127.0.0.1:8080, "
                    + "0.0.0.0:8080 for all addresses, or [::1]:8080"
            ),
            (
                "POLLING_FAST", "30",
                "CAUSEWAY_POLLING_FAST: \"30\" does not fit; write a duration from 1s to 1d, "
                    + "a number with ms, s, m, h or d"
            ),
            (
                "POLLING_FAST", "0s",
                "CAUSEWAY_POLLING_FAST: \"0s\" is shorter than 1s; write a duration from 1s to 1d, "
                    + "a number with ms, s, m, h or d"
            ),
            (
                "VENDOR_REGISTER_WEBHOOK", "yes",
                "CAUSEWAY_VENDOR_REGISTER_WEBHOOK: \"yes\" does not fit; write true or false"
            ),
            (
                "VENDOR_MEMBER_EMAIL", "ops",
                "CAUSEWAY_VENDOR_MEMBER_EMAIL: \"ops\" does not fit; "
                    + "write an e-mail address such as ops@example.com"
            ),
            (
                "IMPORTS_MAX_SIZE", "2 GB",
                "CAUSEWAY_IMPORTS_MAX_SIZE: \"2 GB\" does not fit; write a size such as 500MB or 2GiB"
            ),
            (
                "IMPORTS_CHUNK_ROWS", "0",
                "CAUSEWAY_IMPORTS_CHUNK_ROWS: \"0\" does not fit; "
                    + "write a whole number from 1 to 10000000"
            ),
            (
                "LOG_LEVEL", "warn",
                "CAUSEWAY_LOG_LEVEL: \"warn\" does not fit; "
                    + "write one of trace, debug, info, notice, warning, error, critical"
            ),
            ("LOG_FORMAT", "xml", "CAUSEWAY_LOG_FORMAT: \"xml\" does not fit; write one of json, text"),
            (
                "DELIVERIES_RETRY_SCHEDULE", "5s,,1m",
                "CAUSEWAY_DELIVERIES_RETRY_SCHEDULE: \"5s,,1m\" does not fit; "
                    + "write the waits between attempts, such as 5s,30s,2m"
            ),
            (
                "VENDOR_PATHS_REPORT", "/reports",
                "CAUSEWAY_VENDOR_PATHS_REPORT: \"/reports\" does not fit; "
                    + "write a path that begins with a slash with {key} in it"
            ),
            (
                "PUBLIC_URL", "https://a:b@example.com",
                "CAUSEWAY_PUBLIC_URL: \"https://a:b@example.com\" holds a user or "
                    + "password; write an address such as https://causeway.example.com"
            ),
            (
                "PUBLIC_URL", "https://example.com/?a=1",
                "CAUSEWAY_PUBLIC_URL: \"https://example.com/?a=1\" goes on after its "
                    + "path; write an address such as https://causeway.example.com"
            ),
            (
                "FILES_URL", "s3://bucket/prefix",
                "CAUSEWAY_FILES_URL: \"s3://bucket/prefix\" asks for S3, which this version "
                    + "cannot do yet; write nothing: files are kept in data_dir then"
            ),
        ])
    func eachKind(name: String, text: String, words: String) throws {
        #expect(try mistakes(["CAUSEWAY_\(name)": text]) == [words])
    }

    @Test(
        "What other parts judge is passed on in their words",
        arguments: [
            ("DELIVERIES_ALLOW_NETWORKS", "10.0.0.1/8", "10.0.0.0/8"), ("PUBLIC_URL", "ftp://example.com", "http"),
            ("VENDOR_URL", "api.partnerstack.com", "CAUSEWAY_VENDOR_URL"),
        ])
    func foreignWords(name: String, text: String, part: String) throws {
        let found = try mistakes(["CAUSEWAY_\(name)": text])
        #expect(found.count == 1)
        #expect(found.first?.contains(part) == true)
    }

    @Test("Every mistake is told at once, from environment and file")
    func allAtOnce() throws {
        let found = try mistakes(
            ["CAUSEWAY_LISTEN": "x", "CAUSEWAY_LOG_LEVLE": "info"],
            yaml: "polling:\n  fasst: 1s\nimports:\n  chunk_rows: many\n")
        #expect(
            found == [
                "the environment: CAUSEWAY_LOG_LEVLE is no setting; did you mean CAUSEWAY_LOG_LEVEL?",
                "causeway.yaml line 2: polling.fasst is no setting; did you mean polling.fast?",
                "CAUSEWAY_LISTEN: \"x\" does not fit; write host:port, such as 127.0.0.1:8080, "
                    + "0.0.0.0:8080 for all addresses, or [::1]:8080",
                "causeway.yaml line 4: imports.chunk_rows \"many\" does not fit; write a whole number from 1 to 10000000",
            ])
    }

    @Test("A name in the wrong group, a group without names, and a name like nothing are told apart")
    func unknownNames() throws {
        #expect(
            try mistakes(yaml: "member_email: a@b.c\npolling: 30s\nfrobnicate: 1\n") == [
                "causeway.yaml line 1: member_email is no setting; did you mean vendor.member_email?",
                "causeway.yaml line 2: polling is no setting; it is a group: indent polling.fast, polling.slow under it",
                "causeway.yaml line 3: frobnicate is no setting; take it out; the README names all settings",
            ])
    }

    @Test("A secret is in no message", arguments: ["ADMIN_KEY", "VENDOR_SECRET_KEY"])
    func secretsUnsaid(name: String) throws {
        #expect(
            try mistakes(["CAUSEWAY_\(name)": "hush hush"]) == [
                "CAUSEWAY_\(name): its text does not fit; write the text as it was given to you"
            ])
    }

    @Test("What client commands read and what Kubernetes sets is no mistake")
    func foreignVariables() throws {
        let foreign = [
            "CAUSEWAY_URL": "x", "CAUSEWAY_KEY": "x", "CAUSEWAY_PORT": "tcp://10.0.0.1:80",
            "CAUSEWAY_PORT_80_TCP_ADDR": "10.0.0.1", "CAUSEWAY_SERVICE_HOST": "10.0.0.1",
        ]
        #expect(try mistakes(foreign) == [])
    }

    @Test("A file that is not there, is no YAML, is no mapping, or sets a name twice")
    func files() throws {
        #expect(throws: SettingsRefused.self) {
            try Settings.load(file: "/nonexistent/causeway.yaml", environment: needed)
        }
        #expect(
            try mistakes(yaml: "a: [1\nb: 2\n").first?.hasPrefix("causeway.yaml: the file is no YAML: line ") == true)
        #expect(
            try mistakes(yaml: "- listen\n") == [
                "causeway.yaml line 1: the file is no mapping of settings; write `name: value`, groups indented"
            ])
        #expect(try mistakes(yaml: "listen: a:1\nlisten: b:2\n").first?.contains("set twice") == true)
        #expect(
            try mistakes(yaml: "polling.fast: 1s\npolling:\n  fast: 2s\n") == [
                "causeway.yaml line 3: polling.fast is set twice, first in line 1; write `name: value`, groups indented"
            ])
        #expect(
            try mistakes(yaml: "listen:\n  - [a]\n").first?.contains("is a list of more than plain words") == true)
    }
}
