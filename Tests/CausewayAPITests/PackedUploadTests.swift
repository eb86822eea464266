import CausewayCore
import Compression
import Crypto
import FileStore
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import Support
import Testing

@testable import CausewayAPI

@Suite("Uploads that are packed or carry their hash", .onEveryEngine)
struct PackedUploadTests {
    static let good = Array("email,name\na@example.com,A\n".utf8)

    private func send(
        _ api: APIFixture, _ bytes: [UInt8], _ coding: String?, type: String = "text/csv",
        _ headers: HTTPFields = [:]
    ) async throws -> TestAnswer {
        var headers = headers
        headers[.contentType] = type
        headers[.contentEncoding] = coding
        return try await api.ask(.put, "/v1/imports/customers", headers: headers, bytes: ByteBuffer(bytes: bytes))
    }

    private func gzip(_ bytes: [UInt8], level: Int32 = 1) -> [UInt8] {
        var encoder = GzipEncoder(level: level)
        var packed: [UInt8] = []
        encoder.append(bytes, to: &packed)
        encoder.finish(to: &packed)
        return packed
    }

    /// One frame with one raw block (RFC 8878, 3.1.1), for less than 256 bytes.
    private func zstd(_ bytes: [UInt8]) -> [UInt8] {
        [
            0x28, 0xB5, 0x2F, 0xFD, 0x20, UInt8(bytes.count), UInt8(bytes.count << 3 & 0xFF) | 1,
            UInt8(bytes.count >> 5), 0,
        ]
            + bytes
    }

    private func files(_ api: APIFixture) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: api.uploads.directory)
    }

    private func digest(_ bytes: [UInt8]) -> String {
        "sha-256=:\(Data(SHA256.hash(data: bytes)).base64EncodedString()):"
    }

    @Test("are taken with their size and hash unpacked", arguments: ["gzip", "x-gzip", "GZIP", "zstd", "identity", ""])
    func taken(_ coding: String) async throws {
        let api = try await APIFixture()
        let body =
            switch coding.lowercased() {
            case "zstd": zstd(Self.good)
            case "identity", "": Self.good
            default: gzip(Self.good)
            }
        let answer = try await send(api, body, coding)
        #expect(answer.status == .accepted)
        #expect(answer.json["size"] == .integer(Int64(Self.good.count)))
        #expect(answer.json["sha256"]?.string == Digest.hex(SHA256.hash(data: Self.good)))
        let path = api.uploads.path("\(answer.json["id"]?.string ?? "").csv")
        #expect(try Array(Data(contentsOf: URL(filePath: path))) == Self.good)
    }

    @Test("are taken packed as a whole form, too")
    func form() async throws {
        let api = try await APIFixture()
        let head = "--x\r\nContent-Disposition: form-data; name=file; filename=c.csv\r\n\r\n"
        let body = Array(head.utf8) + Self.good + Array("\r\n--x--\r\n".utf8)
        let answer = try await send(
            api, gzip(body), "gzip", type: "multipart/form-data; boundary=x", [.contentDigest: digest(gzip(body))])
        #expect(answer.status == .accepted)
        #expect(answer.json["filename"] == "c.csv")
    }

    @Test(
        "in a coding that is not known, or twice, are told which are",
        arguments: ["br", "gzip, gzip", "deflate", "gzip, zstd"])
    func unknown(_ coding: String) async throws {
        let api = try await APIFixture()
        let answer = try await send(api, gzip(Self.good), coding)
        #expect(answer.status == .unsupportedMediaType)
        #expect(answer.json["code"] == "unsupported_encoding")
        #expect(answer.headers[.acceptEncoding] == "gzip, zstd")
    }

    @Test("that are cut off, damaged or not packed at all leave nothing behind")
    func damaged() async throws {
        let api = try await APIFixture()
        for body in [Array(gzip(Self.good).dropLast(3)), Self.good, gzip(Self.good) + Self.good, []] {
            let answer = try await send(api, body, "gzip")
            #expect(answer.status == .badRequest)
            #expect(answer.json["code"] == "invalid_compression")
        }
        #expect(try files(api) == [])
        #expect(try await api.ask(.get, "/v1/imports").json["data"] == [])
    }

    @Test("larger than allowed once unpacked, or a bomb, are 413 while they are unpacked")
    func tooLarge() async throws {
        let api = try await APIFixture()
        let large = (0..<60_000).map { "customer-\($0)@example.com\n" }.joined()
        let answer = try await send(api, gzip(Array(("email\n" + large).utf8)), "gzip")
        #expect(answer.status == .contentTooLarge)
        #expect(answer.json["code"] == "body_too_large")
        let api2 = try await APIFixture(maximumUpload: 1 << 30)
        let bomb = try await send(api2, gzip([UInt8](repeating: 0x61, count: 30 << 20), level: 9), "gzip")
        #expect(bomb.status == .contentTooLarge)
        #expect(bomb.json["code"] == "compression_ratio")
        #expect(try files(api) == [] && files(api2) == [])
    }

    @Test("that say nothing of it are told how to say it", arguments: ["gzip", "zstd"])
    func unsaid(_ coding: String) async throws {
        let api = try await APIFixture()
        let answer = try await send(api, coding == "gzip" ? gzip(Self.good) : zstd(Self.good), nil)
        #expect(answer.status == .unprocessableContent)
        let first = answer.json["errors"]?["first"]?.array?.first
        #expect(first?["code"] == "binary_file")
        #expect(first?["message"]?.string?.contains("`Content-Encoding: \(coding)`") == true)
    }

    @Test("are held against their hash as they were sent")
    func digests() async throws {
        let api = try await APIFixture()
        let packed = gzip(Self.good)
        let sha512 = "sha-512=:\(Data(SHA512.hash(data: packed)).base64EncodedString()):"
        for name in [HTTPField.Name.contentDigest, .reprDigest] {
            let wrong = try await send(api, packed, "gzip", [name: digest(Self.good)])
            #expect(wrong.status == .badRequest)
            #expect(wrong.json["code"] == "digest_mismatch")
            #expect(wrong.json["detail"]?.string?.contains(name.rawName) == true)
            let half = try await send(api, Self.good, nil, [name: "\(digest(Self.good)), \(sha512)"])
            #expect(half.json["code"] == "digest_mismatch")
        }
        #expect(try files(api) == [])
        #expect(try await api.ask(.get, "/v1/imports").json["data"] == [])
        let right = try await send(api, packed, "gzip", [.contentDigest: "md5=:AA==:, \(digest(packed));a=1,\(sha512)"])
        #expect(right.status == .accepted)
    }

    @Test(
        "with a hash that is none are told how one is written",
        arguments: ["sha-256", "sha-256=abc", "sha-256=:a:", "sha-256=:AA==:", ",", "x"])
    func malformed(_ digest: String) async throws {
        let api = try await APIFixture()
        let answer = try await send(api, Self.good, nil, [.contentDigest: digest])
        #expect(answer.status == .badRequest)
        #expect(answer.json["code"] == "invalid_digest")
    }
}
