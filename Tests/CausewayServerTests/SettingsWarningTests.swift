import CausewayServer
import Logging
import Testing

private func warnings(_ settings: [String: String]) throws -> [String] {
    var environment = ["CAUSEWAY_PUBLIC_URL": "https://causeway.example.com"]
    for (name, text) in settings { environment["CAUSEWAY_\(name)"] = text }
    return try Settings.load(environment: environment, purpose: .administration).warnings
}

@Suite("Warnings about settings")
struct SettingsWarningTests {
    @Test("Sensible settings give none")
    func none() throws {
        #expect(try warnings([:]) == [])
    }

    @Test(
        "A private public_url means that only polling works",
        arguments: [
            "http://127.0.0.1:8080", "https://10.1.2.3", "http://localhost", "http://gateway.internal",
            "http://causeway:8080",
            "http://[::1]:8080", "http://0.0.0.0:8080",
        ])
    func privatePublicURL(url: String) throws {
        let found = try warnings(["PUBLIC_URL": url])
        #expect(found.count == 1)
        #expect(found.first?.contains("only polling works") == true)
    }

    @Test(
        "Each contradiction is told",
        arguments: [
            ("PUBLIC_URL", "http://causeway.example.com", "is not https"),
            ("VENDOR_URL", "http://api.example.com", "the vendor's keys travel readable"),
            ("POLLING_SLOW", "10s", "shorter than polling.fast"),
            ("EXPORTS_POLL_FOR", "10s", "would fail before it is asked for"),
            ("ADMIN_KEY", "short", "can be guessed"),
            ("DELIVERIES_ALLOW_NETWORKS", "0.0.0.0/0", "opens every network"),
            ("S3_REGION", "eu-west-1", "has no effect"),
            ("DATABASE_URL", "postgres://db.example.com/causeway", "does not ask for TLS"),
            ("DATABASE_LISTEN_URL", "postgres://db/causeway", "has no effect without database_url"),
            ("OUTBOUND_PROXY_JUDGES", "true", "has no effect without outbound.proxy"),
        ])
    func contradictions(name: String, text: String, words: String) throws {
        let found = try warnings([name: text])
        #expect(found.count == 1)
        #expect(found.first?.contains(words) == true)
    }

    @Test("A proxy that judges must refuse private addresses, one that does not gives no warning")
    func proxy() throws {
        let proxy = ["OUTBOUND_PROXY": "http://proxy.example.com:3128"]
        #expect(try warnings(proxy) == [])
        let found = try warnings(proxy.merging(["OUTBOUND_PROXY_JUDGES": "true"]) { $1 })
        #expect(found.count == 1)
        #expect(found.first?.contains("must refuse private addresses") == true)
    }

    @Test("The summary for the log holds no secret")
    func summary() throws {
        let settings = try Settings.load(environment: [
            "CAUSEWAY_VENDOR_PUBLIC_KEY": "hush-public", "CAUSEWAY_VENDOR_SECRET_KEY": "hush-secret",
            "CAUSEWAY_VENDOR_MEMBER_EMAIL": "ops@example.com", "CAUSEWAY_ADMIN_KEY": "hush-admin",
            "CAUSEWAY_DATABASE_URL": "postgres://hush-user:hush-password@db.example.com,db2:5433/causeway",
            "CAUSEWAY_DATABASE_LISTEN_URL": "postgres://db.example.com/causeway?password=hush",
        ])
        #expect(settings.summary["database"] == "db.example.com,db2:5433/causeway")
        #expect(settings.summary["vendor_keys"] == "set")
        #expect(settings.summary["admin_key"] == "set")
        #expect(!"\(settings.summary)\(settings.warnings)".contains("hush"))
        var dumped = ""
        dump(settings, to: &dumped)
        #expect(!dumped.contains("hush"))
    }
}
