import Foundation

/// A real server with TLS and HTTP/2, where nginx and openssl are installed. Its certificate is its own authority, for
/// `localhost` alone.
public final class Nginx: Sendable {
    public static let isInstalled = ["/usr/sbin/nginx", "/usr/bin/openssl"]
        .allSatisfy { FileManager.default.isExecutableFile(atPath: $0) }

    public let port: UInt16
    public let folder: String
    public var url: String { "https://localhost:\(port)/" }
    public var certificate: String { folder + "/cert.pem" }

    /// - Parameter isExpired: its certificate's time was over a day ago.
    public init(isExpired: Bool = false) throws {
        folder = NSTemporaryDirectory() + "causeway-nginx-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder + "/files", withIntermediateDirectories: true)
        port = UInt16(try FreePort.any())
        try Self.run(
            "/usr/bin/openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
            "-keyout", folder + "/key.pem", "-out", folder + "/new.pem")
        try Self.run(
            "/usr/bin/openssl", "x509", "-in", folder + "/new.pem", "-signkey", folder + "/key.pem",
            "-days", isExpired ? "-1" : "2", "-out", folder + "/cert.pem")
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map { "\($0)_temp_path \(folder)/\($0);" }.joined(separator: " ")
        let settings = """
            pid \(folder)/pid; error_log \(folder)/log; user root; worker_processes 1;
            events { worker_connections 1024; }
            http {
              access_log off; \(temporary) client_max_body_size 1g;
              server {
                listen 127.0.0.1:\(port) ssl http2;
                ssl_certificate \(folder)/cert.pem; ssl_certificate_key \(folder)/key.pem;
                location / { return 200 "$request_method $http_content_length"; }
                location /files/ { alias \(folder)/files/; }
              }
            }
            """
        try settings.write(toFile: folder + "/nginx.conf", atomically: true, encoding: .utf8)
        // Returns when the server listens, which goes on in the background.
        try Self.run("/usr/sbin/nginx", "-c", folder + "/nginx.conf")
    }

    deinit {
        try? Self.run("/usr/sbin/nginx", "-c", folder + "/nginx.conf", "-s", "stop")
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// Not through Foundation's `Process`: it takes the server in the background for the command and waits for it.
    private static func run(_ arguments: String...) throws {
        let line = arguments.map { "'\($0)'" }.joined(separator: " ") + " >/dev/null 2>&1 </dev/null"
        guard unsafe system(line) == 0 else { throw PeerError.ended }
    }
}
