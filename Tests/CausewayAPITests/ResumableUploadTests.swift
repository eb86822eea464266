import CausewayCore
import Compression
import Crypto
import FileStore
import Foundation
import HTTPTypes
import Hummingbird
import Imports
import NIOCore
import Storage
import Support
import Testing

@testable import CausewayAPI

@Suite("Uploads in several requests", .onEveryEngine)
struct ResumableUploadTests {
    static let good = "email,name\na@example.com,A\nb@example.com,B\n"

    private func begin(
        _ api: APIFixture, _ headers: HTTPFields = [:], _ body: String? = nil, query: String = "object=customers",
        key: String? = APIFixture.adminKey
    ) async throws -> TestAnswer {
        var headers = headers
        if headers[.contentType] == nil { headers[.contentType] = "text/csv" }
        return try await api.ask(.post, "/v1/uploads?" + query, key: key, headers: headers, body: body)
    }

    private func append(
        _ api: APIFixture, _ path: String, _ bytes: some Sequence<UInt8>, at offset: Int, last: Bool,
        key: String? = APIFixture.adminKey, _ more: HTTPFields = [:]
    ) async throws -> TestAnswer {
        var headers = more
        headers[.contentType] = "application/partial-upload"
        headers[.uploadOffset] = String(offset)
        headers[.uploadComplete] = last ? "?1" : "?0"
        return try await api.ask(.patch, path, key: key, headers: headers, bytes: ByteBuffer(bytes: Array(bytes)))
    }

    private func digest(_ bytes: some Sequence<UInt8>) -> String {
        "sha-256=:\(Data(SHA256.hash(data: Array(bytes))).base64EncodedString()):"
    }

    private func spooled(_ api: APIFixture) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: api.uploads.path("resumable"))) ?? []
    }

    private func imports(_ api: APIFixture) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: api.uploads.directory).filter { $0 != "resumable" }
    }

    @Test("become the import that one request would have made, without a copy left")
    func several() async throws {
        let api = try await APIFixture()
        let made = try await begin(
            api, [.contentDisposition: #"inline; filename="c.csv""#], query: "object=customers&mode=all_or_nothing")
        #expect(made.status == .created)
        #expect(made.headers[.uploadOffset] == "0" && made.headers[.uploadComplete] == "?0")
        #expect(made.headers[.uploadLimit]?.hasPrefix("max-size=1048576, max-age=86400") == true)
        let path = try #require(made.headers[.location])
        let bytes = Array(Self.good.utf8)
        let first = try await append(api, path, bytes[..<20], at: 0, last: false)
        #expect(first.status == .noContent && first.headers[.uploadOffset] == "20")
        let head = try await api.ask(.head, path)
        #expect(head.status == .noContent && head.headers[.uploadOffset] == "20")
        #expect(head.headers[.uploadLength] == nil && head.headers[.cacheControl] == "no-store")
        let last = try await append(api, path, bytes[20...], at: 20, last: true)
        #expect(last.status == .accepted && last.headers[.uploadComplete] == "?1")
        #expect(last.json["sha256"]?.string == Digest.sha256Hex(Self.good))
        #expect(last.json["filename"] == "c.csv" && last.json["state"] == "forwarding")
        let id = last.json["id"]?.string ?? ""
        #expect(last.headers[.location] == "/v1/imports/\(id)")
        #expect(try imports(api) == ["\(id).csv"])
        #expect(try String(contentsOfFile: api.uploads.path("\(id).csv"), encoding: .utf8) == Self.good)
        #expect(spooled(api) == [])
        let mode = try FileManager.default.attributesOfItem(atPath: api.uploads.path("\(id).csv"))[.posixPermissions]
        #expect((mode as? NSNumber)?.intValue == 0o600)
        let audit = try await api.ask(.get, "/v1/audit?resource=\(id)").json["data"]?.array
        #expect(audit?.first?["action"] == "import.create")

        // The answer was lost: the same end again is the same import, and nothing can be added.
        let done = try await api.ask(.head, path)
        #expect(done.headers[.uploadComplete] == "?1" && done.headers[.uploadOffset] == String(bytes.count))
        let again = try await append(api, path, [], at: bytes.count, last: true)
        #expect(again.status == .accepted && again.json["id"]?.string == id)
        for last in [true, false] {
            let more = try await append(api, path, [65], at: bytes.count, last: last)
            #expect(more.status == .badRequest && more.json["code"] == "upload_complete")
            #expect(more.json["type"] == "https://iana.org/assignments/http-problem-types#completed-upload")
            #expect(more.headers[.uploadOffset] == "\(bytes.count)" && more.headers[.uploadComplete] == "?1")
        }
        let beyond = try await append(api, path, [65], at: bytes.count + 1, last: true)
        #expect(beyond.status == .conflict && beyond.json["detail"]?.string?.contains("complete with its 43") == true)
        #expect(try await append(api, path, bytes[20...], at: 20, last: true).status == .conflict)
        #expect(try await api.ask(.get, "/v1/imports").json["data"]?.array?.count == 1)
    }

    @Test("may be whole in the first request, or have nothing but it")
    func atOnce() async throws {
        let api = try await APIFixture()
        let whole = try await begin(api, [.uploadComplete: "?1"], Self.good)
        #expect(whole.status == .accepted && whole.json["rows"]?["valid"] == 2)
        let part = try await begin(
            api, [.uploadComplete: "?0"], "email\n", query: "object=customers&force=true")
        #expect(part.status == .created && part.headers[.uploadOffset] == "6")
        let path = try #require(part.headers[.location])
        let text = try await append(
            api, path, "x@\n".utf8, at: 6, last: true, [.accept: "text/plain"])
        #expect(text.status == .unprocessableContent && text.headers[.uploadComplete] == "?1")
        #expect(text.text.contains("x@"))
        // Nothing of a refused file stays.
        #expect(spooled(api) == [])
        #expect(try await append(api, path, [], at: 9, last: true).json["state"] == "rejected")
        let empty = try await begin(api, [.uploadComplete: "?1"])
        #expect(empty.status == .unprocessableContent)
        #expect(empty.json["errors"]?["first"]?.array?.first?["code"] == "empty_file")
    }

    @Test("go on where they are, and nowhere else")
    func offsets() async throws {
        let api = try await APIFixture()
        let path = try #require(try await begin(api, [.uploadLength: "43"]).headers[.location])
        let wrong = try await append(api, path, "email".utf8, at: 5, last: false)
        #expect(wrong.status == .conflict && wrong.headers[.uploadOffset] == "0")
        #expect(wrong.json["type"] == "https://iana.org/assignments/http-problem-types#mismatching-upload-offset")
        #expect(wrong.json["expected-offset"] == 0 && wrong.json["provided-offset"] == 5)
        #expect(try await api.ask(.head, path).headers[.uploadLength] == "43")
        let short = try await append(api, path, "email\n".utf8, at: 0, last: true)
        #expect(short.status == .badRequest && short.json["code"] == "wrong_length")
        let long = try await append(api, path, [UInt8](repeating: 65, count: 44), at: 0, last: false)
        #expect(long.status == .badRequest && long.json["code"] == "wrong_length")
        #expect(try await api.ask(.head, path).headers[.uploadOffset] == "0")
        for headers: HTTPFields in [
            [:], [.uploadOffset: "0"], [.uploadComplete: "?1"], [.uploadOffset: "-1", .uploadComplete: "?1"],
        ] {
            var headers = headers
            headers[.contentType] = "application/partial-upload"
            #expect(try await api.ask(.patch, path, headers: headers, body: "a").status == .badRequest)
        }
        let type = try await api.ask(
            .patch, path, headers: [.contentType: "text/csv", .uploadOffset: "0", .uploadComplete: "?1"], body: "a")
        #expect(type.status == .unsupportedMediaType)
        #expect(type.headers[.acceptPatch] == "application/partial-upload")
        #expect(try await append(api, path, Self.good.utf8, at: 0, last: true).status == .accepted)
    }

    @Test("have the length that was said, and none that a refused request implied")
    func lengths() async throws {
        let api = try await APIFixture()
        for length in ["-4", "4.5", "x", "1234567890123456", ""] {
            let refused = try await begin(api, [.uploadLength: length])
            #expect(refused.status == .badRequest && refused.json["code"] == "invalid_request")
            #expect(refused.json["detail"]?.string?.contains("`Upload-Length`") == true)
        }
        #expect(spooled(api) == [])
        let path = try #require(try await begin(api).headers[.location])
        let part = Array(Self.good.utf8.prefix(20))
        let wrong = try await append(api, path, part, at: 0, last: true, [.contentDigest: digest("other".utf8)])
        #expect(wrong.status == .badRequest && wrong.json["code"] == "digest_mismatch")
        let head = try await api.ask(.head, path)
        #expect(head.headers[.uploadLength] == nil && head.headers[.uploadOffset] == "0")
        let said = try await append(api, path, part, at: 0, last: false, [.uploadLength: "-1"])
        #expect(said.status == .badRequest)
        // At the end that was said, but without the word that it is the end.
        let all = try await append(api, path, Self.good.utf8, at: 0, last: false, [.uploadLength: "43"])
        #expect(all.status == .noContent && all.headers[.uploadLength] == "43")
        let more = try await append(api, path, [65], at: 43, last: false)
        #expect(more.status == .badRequest && more.json["code"] == "wrong_length")
        #expect(more.json["detail"]?.string?.contains("43 bytes that were announced") == true)
        let behind = try await append(api, path, [65], at: 44, last: false)
        #expect(behind.status == .conflict && behind.json["expected-offset"] == 43)
        #expect(try await append(api, path, [], at: 43, last: true).status == .accepted)

        // The first request of an upload is a request like the others.
        let digests: HTTPFields = [.uploadComplete: "?1", .contentDigest: digest("other".utf8)]
        #expect(try await begin(api, digests, Self.good).status == .badRequest)
        let left = try #require(spooled(api).first)
        let id = left.hasSuffix(".part") ? String(left.dropLast(5)) : left
        #expect(try await api.ask(.head, "/v1/uploads/\(id)").headers[.uploadLength] == nil)
    }

    @Test("may be packed, and are held against the hash of the whole and of each part")
    func digests() async throws {
        let api = try await APIFixture()
        var encoder = GzipEncoder()
        var packed: [UInt8] = []
        encoder.append(Array(Self.good.utf8), to: &packed)
        encoder.finish(to: &packed)
        let path = try #require(
            try await begin(api, [.contentEncoding: "gzip", .reprDigest: digest(packed)]).headers[.location])
        let bad = try await append(api, path, packed[..<10], at: 0, last: false, [.contentDigest: digest([1])])
        #expect(bad.status == .badRequest && bad.json["code"] == "digest_mismatch")
        #expect(try await api.ask(.head, path).headers[.uploadOffset] == "0")
        let good = try await append(
            api, path, packed[..<10], at: 0, last: false, [.contentDigest: digest(packed[..<10])])
        #expect(good.headers[.uploadOffset] == "10")
        let last = try await append(api, path, packed[10...], at: 10, last: true)
        #expect(last.status == .accepted && last.json["sha256"]?.string == Digest.sha256Hex(Self.good))

        // What the whole is refused for stays refused, and its bytes are gone.
        for (headers, code): (HTTPFields, String) in [
            ([.reprDigest: digest([1])], "digest_mismatch"), ([.contentEncoding: "zstd"], "invalid_compression"),
            ([:], "duplicate_import"),
        ] {
            let path = try #require(try await begin(api, headers).headers[.location])
            let refused = try await append(api, path, Self.good.utf8, at: 0, last: true)
            #expect(refused.json["code"]?.string == code)
            #expect(refused.headers[.uploadComplete] == "?1")
            let again = try await append(api, path, [], at: Self.good.utf8.count, last: true)
            #expect(again.status == refused.status && again.json["code"]?.string == code)
        }
        #expect(spooled(api) == [])
    }

    @Test("are refused before they begin for what is wrong with them")
    func refused() async throws {
        let api = try await APIFixture()
        for query in ["", "object=customer", "object=customers&mod=x", "object=leads", "object=customers&group=g"] {
            #expect(try await begin(api, query: query).status == .unprocessableContent, "\(query)")
        }
        #expect(try await begin(api, [.contentEncoding: "br"]).status == .unsupportedMediaType)
        #expect(try await begin(api, [.contentType: "application/json"]).status == .unsupportedMediaType)
        #expect(try await begin(api, [.contentType: "multipart/form-data; boundary=x"]).status == .unsupportedMediaType)
        #expect(try await begin(api, [.reprDigest: "x"]).status == .badRequest)
        #expect(try await begin(api, [.uploadLength: "1048577"]).status == .contentTooLarge)
        #expect(spooled(api) == [])
        let path = try #require(try await begin(api).headers[.location])
        let half = [UInt8](repeating: 65, count: 600_000)
        #expect(try await append(api, path, half, at: 0, last: false).status == .noContent)
        let large = try await append(api, path, half, at: 600_000, last: false)
        #expect(large.status == .contentTooLarge)
        #expect(try await api.ask(.head, path).headers[.uploadOffset] == "600000")
        let options = try await api.ask(.options, "/v1/uploads")
        #expect(options.headers[.acceptPatch] == "application/partial-upload")
        #expect(options.headers[.uploadLimit] == "max-size=1048576")
    }

    @Test("belong to the key that began them, which needs its scope to the end")
    func keys() async throws {
        let api = try await APIFixture()
        func key(_ scope: String) async throws -> String {
            let made = try await api.ask(.post, "/v1/keys", body: #"{"name":"c","scopes":["\#(scope)"]}"#)
            return try #require(made.json["key"]?.string)
        }
        let (own, other) = (try await key("imports:write:customers"), try await key("imports:write"))
        #expect(try await begin(api, query: "object=partners", key: own).status == .forbidden)
        let path = try #require(try await begin(api, key: own).headers[.location])
        #expect(try await append(api, path, Self.good.utf8, at: 0, last: false, key: own).status == .noContent)
        #expect(try await append(api, path, [], at: 43, last: true, key: other).status == .notFound)
        #expect(try await api.ask(.head, path, key: other).status == .notFound)
        #expect(try await api.ask(.delete, path, key: other).status == .notFound)
        #expect(try await api.ask(.delete, path, key: own).status == .noContent)
        #expect(try await api.ask(.head, path, key: own).status == .notFound)
        #expect(spooled(api) == [])
        #expect(try await api.ask(.head, "/v1/uploads/upl_none").status == .notFound)
    }

    @Test("survive the gateway, and are gone a day after their last bytes")
    func upkeep() async throws {
        let api = try await APIFixture()
        let path = try #require(try await begin(api).headers[.location])
        let kept = try #require(try await begin(api).headers[.location])
        #expect(try await append(api, path, Self.good.utf8.prefix(20), at: 0, last: false).status == .noContent)
        // What a killed gateway wrote and did not write down.
        let id = path.dropFirst("/v1/uploads/".count)
        let file = try #require(FileHandle(forWritingAtPath: api.uploads.path("resumable/\(id).part")))
        try file.seekToEnd()
        try file.write(contentsOf: Data("garbage".utf8))
        try file.close()
        try await api.imports.start()
        #expect(try await api.ask(.head, path).headers[.uploadOffset] == "20")
        #expect(spooled(api).count == 2)
        api.time.advance(by: .seconds(86_000))
        #expect(try await append(api, kept, "email\n".utf8, at: 0, last: false).status == .noContent)
        api.time.advance(by: .seconds(400))
        #expect(try await api.ask(.head, path).status == .notFound)
        try await api.imports.start()
        #expect(spooled(api).count == 1)
        #expect(try await append(api, kept, "a@example.com\n".utf8, at: 6, last: true).status == .accepted)
    }

    @Test("that two requests write to at once are one file without a gap")
    func race() async throws {
        let api = try await APIFixture()
        let path = try #require(try await begin(api).headers[.location])
        let bytes = Array(Self.good.utf8)
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<6 {
                group.addTask { try await append(api, path, bytes, at: 0, last: true).status.code }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        // Each ends the one before; what that one had received stays, so it may be that nobody saw the end.
        #expect(statuses.allSatisfy { $0 == 202 || $0 == 409 })
        let head = try await api.ask(.head, path)
        let offset = try #require(head.headers[.uploadOffset].flatMap { Int($0) })
        let last = try await append(api, path, bytes[offset...], at: offset, last: true)
        #expect(last.status == .accepted && last.json["sha256"]?.string == Digest.sha256Hex(Self.good))
        #expect(try await api.ask(.get, "/v1/imports").json["data"]?.array?.count == 1)
    }
}
