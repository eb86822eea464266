import CausewayCore
import Foundation
import Logging
import Storage

/// Holds every gateway on one database to the same data directory, and every data directory to one database.
///
/// The directory has a file with two names: its own, and the database's it belongs to. The database has a row with the
/// same two. Gateways that start at once on an empty directory and an empty database agree, whatever the order: a
/// file is put there whole or not at all, the row takes the first directory that is told to it, and who finds another
/// does not start. With SQLite the database lies in the directory, and there is nothing to compare.
struct DirectoryIdentity: Sendable {
    let directory: DataDirectory
    let engine: any StorageEngine
    let logger: Logger

    /// Throws `GatewayError.dataDirectory` where the directory is not this database's.
    func check() async throws {
        guard !engine.dialect.isSingleProcess else { return try refuseSharedDirectory() }
        var row = try await installation()
        var file = try IdentityFile.read(in: directory)
        if file == nil {
            if let expected = row.directory { throw missing(IdentityFile(directory: expected, database: row.identity)) }
            file = try IdentityFile(directory: RandomToken.make(bytes: 12), database: row.identity).place(in: directory)
            if FileManager.default.fileExists(atPath: directory.database) {
                logger.warning(
                    "data_dir holds an SQLite database from before: what it knows is not in the database of database_url",
                    metadata: ["file": "\(directory.database)"])
            }
        }
        guard let file else { return }
        guard file.database == row.identity else { throw foreign(file) }
        if row.directory == nil { row = try await join(file.directory) }
        guard row.directory == file.directory else { throw other() }
    }

    // MARK: The database's row

    private struct Installation: RowDecodable {
        let identity: String
        let directory: String?

        init(row: ResultRow) throws {
            identity = try row["identity"]
            directory = try row["directory"]
        }
    }

    private func installation() async throws -> Installation {
        let identity = RandomToken.make(bytes: 12)
        return try await engine.write { transaction in
            try transaction.execute(
                "INSERT INTO installation (id, identity) VALUES (1, \(identity)) ON CONFLICT (id) DO NOTHING")
            return try Self.row(in: transaction)
        }
    }

    private func join(_ own: String) async throws -> Installation {
        try await engine.write { transaction in
            try transaction.execute(
                "UPDATE installation SET directory = \(own) WHERE id = 1 AND directory IS NULL")
            return try Self.row(in: transaction)
        }
    }

    private static func row(in transaction: any Transaction) throws -> Installation {
        guard let row: Installation = try transaction.first("SELECT * FROM installation WHERE id = 1") else {
            throw StorageError.conflict
        }
        return row
    }

    // MARK: Why it does not start

    private func missing(_ expected: IdentityFile) -> GatewayError {
        .dataDirectory(
            """
            \(directory.path) is not the data directory of this database: the file `identity` is missing there. Mount \
            the directory that the other gateways use, or set data_dir to it. Only where that directory is lost for \
            good: printf '\(expected.text)\\n' > \(IdentityFile.path(in: directory)) makes this one take its place; \
            imports whose files are gone then fail.
            """)
    }

    private func foreign(_ file: IdentityFile) -> GatewayError {
        .dataDirectory(
            """
            \(directory.path) belongs to another database (\(file.database)) than the one of database_url. Set \
            data_dir to this database's directory, or database_url to the directory's database. Two databases never \
            share a directory: each would remove the other's files.
            """)
    }

    private func other() -> GatewayError {
        .dataDirectory(
            """
            \(directory.path) is another data directory than the one the other gateways on this database use. Mount \
            that one on every machine, and set data_dir to it.
            """)
    }

    private func refuseSharedDirectory() throws {
        guard try IdentityFile.read(in: directory) != nil else { return }
        throw GatewayError.dataDirectory(
            """
            \(directory.path) belongs to a PostgreSQL database, and database_url is not set. Set database_url, or \
            another data_dir. To go back to SQLite for good, remove \(IdentityFile.path(in: directory)).
            """)
    }
}
