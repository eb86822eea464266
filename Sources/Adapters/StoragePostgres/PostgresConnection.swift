import CPostgres
import CausewayCore
import Glibc
import Storage

/// One connection to PostgreSQL, for one thread. Everything goes through libpq's pipeline: what begins a transaction
/// travels with its first statement.
@safe final class PostgresConnection {
    /// Where notifications go that belong to this schema.
    private(set) var channel = ""
    /// PostgreSQL's clock minus ours, give or take the way.
    private(set) var clockSkew = Duration.zero
    /// A pooler stands between: the session may be another one in each transaction.
    private(set) var isPooled = false

    let handle: OpaquePointer
    var statements = StatementCache()
    /// What was sent and is not answered yet.
    var awaited: [Awaited] = []
    /// Commands to be sent before the next statement.
    private var deferred: [String] = []
    /// Set in each transaction where the session is not ours.
    private var transactionSettings: String?
    private let timeout: Duration

    enum Awaited: Equatable {
        case prepared(text: String)
        case done
        case sync
    }

    /// Blocks until it stands. Throws `PostgresFailure`.
    init(_ configuration: PostgresConfiguration, url: Secret) throws(PostgresFailure) {
        guard let opened = unsafe Self.open(configuration, url) else {
            throw PostgresFailure(state: nil, isFatal: true, message: "no memory for a connection")
        }
        unsafe handle = opened
        // The server gives up first, unless it or the way to it is dead.
        timeout = configuration.statementTimeout + max(.seconds(1), configuration.statementTimeout / 4)
        try greet(configuration)
    }

    deinit { unsafe PQfinish(handle) }

    private static func open(_ configuration: PostgresConfiguration, _ url: Secret) -> OpaquePointer? {
        let seconds = max(2, Int(configuration.connectTimeout.inSeconds.rounded(.up)))
        // What stands in the URL overrides what stands before it.
        let parameters = [
            ("connect_timeout", String(seconds)), ("application_name", configuration.applicationName),
            ("target_session_attrs", "read-write"), ("keepalives_idle", "30"), ("keepalives_interval", "10"),
            ("tcp_user_timeout", "30000"), ("dbname", url.reveal()), ("client_encoding", "UTF8"),
        ]
        return unsafe CStrings.with(parameters.map(\.0)) { names in
            unsafe CStrings.with(parameters.map(\.1)) { values in
                unsafe PQconnectdbParams(names, values, 1)
            }
        }
    }

    private func greet(_ configuration: PostgresConfiguration) throws(PostgresFailure) {
        guard unsafe PQstatus(handle) == CONNECTION_OK else { throw lost() }
        // Notices would go to the standard error.
        _ = unsafe PQsetNoticeProcessor(handle, { _, _ in }, nil)
        guard unsafe PQserverVersion(handle) >= 120_000 else {
            throw .unfit("PostgreSQL 12 or newer is needed")
        }
        guard unsafe PQsetnonblocking(handle, 1) == 0, unsafe PQenterPipelineMode(handle) == 1 else { throw lost() }
        statements.isEnabled = false
        let asked = Timestamp(milliseconds: Self.now())
        let answer = try run(
            """
            SELECT pg_backend_pid() AS pid, current_setting('server_encoding') AS encoding,
                   current_schema() AS schema, CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) AS now
            """, [])
        guard let row = answer.rows().first, let pid: Int = try? row["pid"],
            let now: Timestamp = try? row["now"], let encoding: String = try? row["encoding"]
        else { throw .unfit("PostgreSQL does not tell who it is") }
        guard encoding == "UTF8" else { throw .unfit("The database's encoding is \(encoding); UTF8 is needed") }
        guard let schema: String = try? row["schema"] else {
            throw .unfit("The search_path names no schema that exists")
        }
        clockSkew = now.since(asked)
        channel = "causeway.\(schema)"
        isPooled = pid != Int(unsafe PQbackendPID(handle))
        statements.isEnabled = !isPooled
        try set(configuration)
    }

    private static func now() -> Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    /// Among them that a commit that has returned survives a power cut: `off` is not taken from the server's defaults.
    private func set(_ configuration: PostgresConfiguration) throws(PostgresFailure) {
        let values = [
            ("statement_timeout", "'\(configuration.statementTimeout.wholeMilliseconds)'"),
            ("lock_timeout", "'\(configuration.lockTimeout.wholeMilliseconds)'"),
            // What a gateway holds that stands still in the middle of a transaction is let go before those who wait for
            // it give up, and before they lose their leases over it.
            ("idle_in_transaction_session_timeout", "'\(Self.idleTimeout(configuration).wholeMilliseconds)'"),
            (
                "synchronous_commit",
                """
                CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'
                ELSE current_setting('synchronous_commit') END
                """
            ),
        ]
        let calls = values.map { "set_config('\($0.0)', \($0.1), \(isPooled))" }
        let statement = "SELECT \(calls.joined(separator: ", "))"
        if isPooled {
            transactionSettings = statement
        } else {
            _ = try run(statement, [])
        }
    }

    private static func idleTimeout(_ configuration: PostgresConfiguration) -> Duration {
        min(configuration.lockTimeout, max(.seconds(1), configuration.lockTimeout / 2))
    }

    // MARK: Transactions

    func begin(_ mode: TransactionMode) {
        // Behind a pooler the session may be one that listened for somebody: libpq keeps what it is told until it is taken.
        if isPooled { while let told = unsafe PQnotifies(handle) { unsafe PQfreemem(told) } }
        deferred = [mode.statement]
        if let transactionSettings { deferred.append(transactionSettings) }
    }

    /// Throws with `commitSent` where it may have been taken.
    func commit() throws(CommitFailure) {
        guard deferred.isEmpty else {
            // Nothing was sent.
            deferred = []
            return
        }
        do {
            let answer = try run("COMMIT", [])
            if answer.commandTag != "COMMIT" { throw CommitFailure.rolledBack }
        } catch let failure as PostgresFailure {
            if case .lost = failure.meaning { throw .unknown(failure) }
            throw .refused(failure)
        } catch {
            throw .rolledBack
        }
    }

    enum CommitFailure: Error {
        /// Nobody knows.
        case unknown(PostgresFailure)
        case refused(PostgresFailure)
        case rolledBack
    }

    /// False where the connection is of no more use.
    func rollback() -> Bool {
        guard deferred.isEmpty else {
            deferred = []
            return isAlive
        }
        return (try? run("ROLLBACK", [])) != nil && isAlive
    }

    var isAlive: Bool { unsafe PQstatus(handle) == CONNECTION_OK && awaited.isEmpty }

    // MARK: Statements

    /// One statement and what was deferred before it, in one exchange.
    func run(_ text: String, _ arguments: [SQLValue]) throws(PostgresFailure) -> PostgresResult {
        for command in deferred { try send(command, []) }
        deferred = []
        try send(text, arguments)
        guard unsafe PQpipelineSync(handle) == 1 else { throw lost() }
        awaited.append(.sync)
        return try receive(statement: text, until: .now + timeout)
    }

    private func send(_ text: String, _ arguments: [SQLValue]) throws(PostgresFailure) {
        if statements.overflows { try forgetStatements() }
        let sent: Int32
        switch statements.use(text) {
        case .unnamed:
            sent = unsafe ArgumentTexts.with(arguments) { values in
                unsafe PQsendQueryParams(handle, text, Int32(arguments.count), nil, values, nil, nil, 0)
            }
        case .new(let name):
            guard unsafe PQsendPrepare(handle, name, text, 0, nil) == 1 else { throw lost() }
            awaited.append(.prepared(text: text))
            sent = sendPrepared(name, arguments)
        case .known(let name): sent = sendPrepared(name, arguments)
        }
        guard sent == 1 else { throw lost() }
        awaited.append(.done)
    }

    private func sendPrepared(_ name: String, _ arguments: [SQLValue]) -> Int32 {
        unsafe ArgumentTexts.with(arguments) { values in
            unsafe PQsendQueryPrepared(handle, name, Int32(arguments.count), values, nil, nil, 0)
        }
    }

    private func forgetStatements() throws(PostgresFailure) {
        statements.forget()
        guard unsafe PQsendQueryParams(handle, "DEALLOCATE ALL", 0, nil, nil, nil, nil, 0) == 1 else { throw lost() }
        awaited.append(.done)
    }

    func lost() -> PostgresFailure {
        PostgresFailure(state: nil, isFatal: true, message: unsafe Self.words(PQerrorMessage(handle)))
    }

    static func words(_ text: UnsafePointer<CChar>?) -> String {
        guard let text = unsafe text else { return "" }
        return unsafe String(cString: text).replacing("\n", with: " ").trimmingSuffix(" ")
    }
}

extension String {
    fileprivate func trimmingSuffix(_ character: Character) -> String {
        var text = self
        while text.last == character { text.removeLast() }
        return text
    }
}

enum TransactionMode {
    case readOnly, readWrite

    /// Each with all it depends on, whatever the server's defaults are.
    var statement: String {
        switch self {
        case .readOnly: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
        case .readWrite: "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
        }
    }
}
