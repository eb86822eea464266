import CausewayCore
import Foundation

extension DemoStory {
    func uploadWithMistakes() async throws {
        terminal.open("A CSV with mistakes is uploaded: each is told, and nothing reaches the vendor")
        try stage.directory.write("customers.csv", DemoFiles.withMistakes)
        let answer = try await curl(
            #"curl -u ":$KEY" -H "Accept: text/plain" -T customers.csv $GATEWAY/v1/imports/customers"#, expecting: 422)
        terminal.text(answer.body)
        // The same for programs.
        let kept = try await stage.shell.run(#"curl -u ":$KEY" "$GATEWAY/v1/imports?object=customers""#)
        let errors = kept.json["data"]?.array?.first?["errors"]?["first"]?.array ?? []
        let found = errors.map { "\($0["row"]?.text ?? "") \($0["column"]?.string ?? "") \($0["code"]?.string ?? "")" }
        guard found == DemoFiles.mistakes else {
            throw DemoFailure("the mistakes found are \(found) instead of \(DemoFiles.mistakes)")
        }
        let imports = try await stage.shell.run("curl $VENDOR/simulator/imports")
        guard imports.json["data"]?.array?.isEmpty == true else {
            throw DemoFailure("the refused file reached the vendor: \(imports.body)")
        }
        terminal.good("\(errors.count) mistakes found, and the vendor has got nothing")
    }

    func uploadMended() async throws {
        terminal.open("The mended file goes through byte for byte, and both subscribers are told")
        try stage.directory.write("customers.csv", DemoFiles.mended)
        let upload = try await curl(
            #"curl -u ":$KEY" -T customers.csv $GATEWAY/v1/imports/customers"#, expecting: 202,
            showing: ["id", "state", "rows"])
        guard let id = upload.json["id"]?.string else { throw DemoFailure("the import came without an id") }
        let ended = try await curl(
            #"curl -u ":$KEY" "$GATEWAY/v1/imports/\#(id)?wait=60""#, expecting: 200,
            showing: ["state", "rows"], waitingFor: "the vendor's importer")
        guard ended.json["state"]?.string == "completed" else {
            throw DemoFailure("the import ended as \(ended.json["state"]?.text ?? "?")")
        }
        let arrived = try await curl(
            #"curl "$VENDOR/simulator/imports?object=customers&state=imported&wait=30""#, expecting: 200)
        guard let file = arrived.json["data"]?.array?.first, let key = file["key"]?.string else {
            throw DemoFailure("the importer has got no file")
        }
        terminal.line("  the importer: \(file["imported"]?.text ?? "?") of \(file["rows"]?.text ?? "?") rows imported")
        try await curl("curl -o arrived.csv $VENDOR/simulator/imports/\(key)/file", expecting: 200)
        let compare = "cmp customers.csv arrived.csv"
        terminal.command(compare)
        _ = try await stage.shell.run(compare)
        terminal.good("the importer has got the same \(DemoFiles.mended.utf8.count) bytes")
        _ = try await arrival(of: "import.completed", about: ended.json)
    }
}
