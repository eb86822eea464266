@testable import CausewayServer
import Foundation
import Testing

@Suite("The table of settings")
struct SettingTableTests {
    private let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    @Test("No two settings have the same name or variable")
    func names() {
        #expect(Set(SettingTable.all.map(\.name)).count == SettingTable.all.count)
        #expect(Set(SettingTable.all.map(\.environmentName)).count == SettingTable.all.count)
    }

    @Test("Every setting has an effect, and none is read that is not in the table")
    func effects() {
        #expect(SettingTable.asked() == Set(SettingTable.all.map(\.name)))
    }

    @Test("deploy/causeway.env lists every setting with its default")
    func environmentFile() throws {
        let expected = EnvironmentFile.render()
        let file = repository.appending(path: "deploy/causeway.env")
        let text = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
        if text != expected {
            let made = repository.appending(path: ".build/causeway.env")
            try expected.write(to: made, atomically: true, encoding: .utf8)
            Issue.record("the table has changed: cp .build/causeway.env deploy/causeway.env")
        }
    }

    @Test("The environment file with every # removed is read without a mistake")
    func environmentFileRoundTrip() throws {
        var environment: [String: String] = [:]
        for line in EnvironmentFile.render().split(separator: "\n") where line.hasPrefix("#CAUSEWAY_") {
            let parts = line.dropFirst().split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            environment[String(parts[0])] = String(parts[1])
        }
        #expect(environment.count == SettingTable.all.count)
        _ = try Settings.load(environment: environment, purpose: .administration)
    }
}
