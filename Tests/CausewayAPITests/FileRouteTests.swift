import CausewayCore
import FileStore
import HTTPTypes
import Storage
import Support
import Testing

@testable import CausewayAPI
@testable import Exports

@Suite("A mirrored file over HTTP", .onEveryEngine)
struct FileRouteTests {
    private static let text = "a,b\n1,2\n3,4\n"
    private static let hash = "0f3ea8ecb2a1e2a38b4a2e4e92f8a6d0b6d5f2d9f8a3d1b07a0e8d2f8c3b5a11"
    private static let tag = "\"\(hash)\""

    @Test("The whole comes with a strong tag, its digest and its length; HEAD the same without bytes")
    func whole() async throws {
        let (api, path) = try await Self.fixture()
        let answer = try await api.ask(.get, path)
        #expect(answer.status == .ok && answer.text == Self.text)
        #expect(answer.headers[.eTag] == Self.tag)
        #expect(answer.headers[.acceptRanges] == "bytes")
        #expect(answer.headers[.contentType] == "text/csv; charset=utf-8")
        #expect(answer.headers[.contentDisposition] == "attachment; filename=\"a.csv\"")
        #expect(answer.headers[.reprDigest] == "sha-256=:Dz6o7LKh4qOLSi5Okvim0LbV8tn4o9Gweg6NL4w7WhE=:")
        let head = try await api.ask(.head, path, headers: [.range: "bytes=0-1"])
        #expect(head.status == .ok && head.text.isEmpty)
        #expect(head.headers[.contentLength] == String(Self.text.utf8.count))
    }

    @Test(
        "One range is a part, several are the whole, one behind the end is 416",
        arguments: [
            ("bytes=0-3", 206, "a,b\n"), ("bytes=4-", 206, "1,2\n3,4\n"), ("bytes=-4", 206, "3,4\n"),
            ("bytes=8-999", 206, "3,4\n"), ("bytes=-999", 206, text), ("bytes=0-1,4-5", 200, text),
            ("bytes=3-1", 200, text), ("rows=0-1", 200, text), ("bytes=", 200, text), ("bytes=-", 200, text),
            ("bytes=12-", 416, ""), ("bytes=-0", 416, ""),
        ])
    func ranges(_ range: String, _ status: Int, _ body: String) async throws {
        let (api, path) = try await Self.fixture()
        let answer = try await api.ask(.get, path, headers: [.range: range])
        #expect(answer.status.code == status)
        switch status {
        case 206:
            #expect(answer.text == body)
            let first = range.hasPrefix("bytes=0") ? 0 : 12 - body.utf8.count
            #expect(answer.headers[.contentRange] == "bytes \(first)-\(first + body.utf8.count - 1)/12")
        case 416:
            #expect(answer.headers[.contentRange] == "bytes */12")
            #expect(answer.json["code"] == "range_not_satisfiable")
        default: #expect(answer.text == body)
        }
    }

    @Test("If-Range with another tag gives the whole; If-None-Match with the same gives nothing")
    func conditions() async throws {
        let (api, path) = try await Self.fixture()
        func ask(_ headers: HTTPFields) async throws -> TestAnswer { try await api.ask(.get, path, headers: headers) }
        #expect(try await ask([.range: "bytes=0-3", .ifRange: Self.tag]).status == .partialContent)
        for other in ["\"other\"", "W/\(Self.tag)", "Wed, 21 Oct 2026 07:28:00 GMT"] {
            #expect(try await ask([.range: "bytes=0-3", .ifRange: other]).status == .ok)
        }
        let same = try await ask([.ifNoneMatch: "\"other\", \(Self.tag)"])
        #expect(same.status == .notModified && same.text.isEmpty && same.headers[.eTag] == Self.tag)
    }

    @Test("The export shows size and hash and changes its tag; once removed, 410 says why and since when")
    func removed() async throws {
        let (api, path) = try await Self.fixture()
        let export = String(path.prefix { $0 != "?" }.split(separator: "/files/", maxSplits: 1).first ?? "")
        let before = try await api.ask(.get, export)
        let file = before.json["files"]?.array?.first
        #expect(file?["mirrored"] == true && file?["size"] == 12 && file?["sha256"]?.string == Self.hash)
        let now = api.time.now()
        try await api.database.engine.write { transaction in
            let id = try #require(ExportID(parsing: export.split(separator: "/").last ?? ""))
            let store = ExportFileStore()
            _ = try ExportStore().export(id, toChange: true, in: transaction)
            _ = try store.remove(filesOf: id, why: "its time was over", at: now, in: transaction)
            try store.show(
                try store.files(of: id, in: transaction), in: id, mirroredAt: now, removedAt: now, transaction)
        }
        let gone = try await api.ask(.get, path)
        #expect(gone.status == .gone && gone.json["code"] == "gone")
        #expect(gone.json["detail"]?.string?.contains("removed at \(now.rfc3339): its time was over") == true)
        let after = try await api.ask(.get, export)
        #expect(after.headers[.eTag] != before.headers[.eTag])
        #expect(after.json["status"] == "success" && after.json["files"]?.array?.first?["mirrored"] == false)
    }

    @Test("A file that is not on the disk as it was is never served")
    func damaged() async throws {
        let (api, path) = try await Self.fixture()
        api.mirror.remove("stored0")
        #expect(try await api.ask(.get, path).status == .gone)
        let short = try await api.mirror.begin("stored0")
        try await short.append(Array(Self.text.utf8.dropLast()))
        _ = try await short.finish()
        #expect(try await api.ask(.get, path).status == .gone)
    }

    /// With an export whose one file is mirrored, and the file's path.
    private static func fixture() async throws -> (APIFixture, String) {
        let api = try await APIFixture()
        let path = try await MirroredExport.make(api, [("a.csv", text)], hashes: [hash])
        return (api, "\(path)/files/a.csv")
    }
}
