import CausewayCore
import Foundation
import Support
import Testing

@Suite("104 Upload Resumption Supported", .serialized)
struct InterimAnswerTests {
    @Test(
        "tells over a plain socket where the upload is and how far, and the answers behind it are whole",
        .timeLimit(.minutes(9)))
    func socket() async throws {
        try await Stage.run { stage in
            let file = try UploadFile.rows(900_000, "customers", in: stage.directory)
            #expect(file.size > 34 << 20)
            for version in ["8", "7"] {
                let said = try await Shell.run(
                    """
                    exec 3<>/dev/tcp/127.0.0.1/\(stage.gateway.url.split(separator: ":").last ?? "")
                    (printf 'POST /v1/uploads?object=customers&mode=dry_run HTTP/1.1\\r\\nHost: x\\r\\n'
                     printf 'Authorization: Bearer \(GatewayProcess.adminKey)\\r\\nUpload-Complete: ?1\\r\\n'
                     printf 'Upload-Draft-Interop-Version: \(version)\\r\\nContent-Type: text/csv\\r\\n'
                     printf 'Content-Length: \(file.size)\\r\\n\\r\\n'
                     cat \(file.path)
                     printf 'GET /healthz HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n') >&3 &
                    tr -d '\\r' <&3
                    """)
                // One behind the other, nothing between them but their empty lines.
                var rest = said[...]
                var interim: [String] = []
                while rest.hasPrefix("HTTP/1.1 104 "), let end = rest.range(of: "\n\n") {
                    interim.append(String(rest[..<end.lowerBound]))
                    rest = rest[end.upperBound...]
                }
                #expect(rest.hasPrefix("HTTP/1.1 200 OK\n"), "\(rest)")
                #expect(rest.contains("\"sha256\":\"\(file.sha256)\""))
                #expect(rest.contains("\nHTTP/1.1 200 OK\n") || rest.contains("}HTTP/1.1 200 OK\n"), "\(rest)")
                guard version == "8" else {
                    #expect(interim.isEmpty)
                    continue
                }
                #expect(interim.allSatisfy { $0.hasPrefix("HTTP/1.1 104 Upload Resumption Supported\n") })
                #expect(interim.allSatisfy { $0.lowercased().contains("upload-draft-interop-version: 8") })
                #expect(!interim.contains { $0.lowercased().contains("transfer-encoding") })
                #expect(interim.first?.contains("/v1/uploads/upl_") == true)
                let offsets = interim.compactMap {
                    $0.firstMatch(of: /(?i)upload-offset: ([0-9]+)/).flatMap { Int($0.1) }
                }
                #expect(offsets.count == 2 && offsets == offsets.sorted(), "\(offsets)")
                #expect(offsets.allSatisfy { $0 >= 16 << 20 && $0 < file.size })
            }
        }
    }

    @Test("is passed over by curl, which is answered as without it", .timeLimit(.minutes(9)))
    func curl() async throws {
        try await Stage.run { stage in
            let file = try UploadFile.rows(500_000, "customers", in: stage.directory)
            let answer = try await stage.gateway.curl(
                [
                    "--http1.1", "-v", "-X", "POST", "-T", file.path, "-H", "Upload-Complete: ?1", "-H",
                    "Upload-Draft-Interop-Version: 8", "-H", "Content-Type: text/csv",
                ], "/v1/uploads?object=customers&mode=dry_run")
            #expect(answer.exit == 0 && answer.status == 200, "\(answer.trace)")
            #expect(answer["sha256"]?.string == file.sha256)
            #expect(answer.trace.contains("< HTTP/1.1 104 Upload Resumption Supported"))
            #expect(answer.trace.contains("< HTTP/1.1 100 Continue"))
        }
    }
}
