import CausewayCore
import Foundation
import Support

/// The real pgbouncer in front of a database, handing two server connections from transaction to transaction.
final class PgBouncer: Sendable {
    let url: String
    private let process = Process()
    private let life = Pipe()
    private let directory: TemporaryDirectory

    init(_ world: PostgresWorld) async throws {
        directory = try TemporaryDirectory()
        let port = try FreePort.any()
        url = "postgres://causeway@127.0.0.1:\(port)/\(world.database)"
        let server = world.cluster.tcpURL.split(whereSeparator: { ":/@".contains($0) }).map(String.init)
        try """
        [databases]
        * = host=127.0.0.1 port=\(world.cluster.port) user=\(server[1]) password=\(server[2])
        [pgbouncer]
        listen_addr = 127.0.0.1
        listen_port = \(port)
        unix_socket_dir =
        auth_type = any
        pool_mode = transaction
        default_pool_size = 2
        logfile = /dev/null
        """.write(toFile: directory.file("pgbouncer.ini"), atomically: true, encoding: .utf8)
        // It refuses to run as root, and goes with whoever holds its standard input.
        let script = """
            chmod -R a+rX "$1"
            run=; [ "$(id -u)" -ne 0 ] || run="setpriv --reuid=nobody --clear-groups"
            $run pgbouncer -q "$1/pgbouncer.ini" </dev/null & pid=$!
            read -r _; kill -9 $pid
            """
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", script, "sh", directory.file("")]
        process.environment = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"]
        process.standardInput = life
        _ = fcntl(life.fileHandleForWriting.fileDescriptor, F_SETFD, FD_CLOEXEC)
        try process.start()
    }

    deinit { try? life.fileHandleForWriting.close() }
}
