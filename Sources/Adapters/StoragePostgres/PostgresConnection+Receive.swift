import CPostgres
import CausewayCore
import Glibc
import Storage

extension PostgresConnection {
    /// Reads the answers to all that was sent; the last statement's, or the first failure.
    func receive(statement: String, until deadline: ContinuousClock.Instant) throws(PostgresFailure) -> PostgresResult {
        var last: PostgresResult?
        var failure: PostgresFailure?
        for expected in awaited {
            while let result = try next(until: deadline) {
                switch unsafe PQresultStatus(result.handle) {
                case PGRES_PIPELINE_SYNC, PGRES_PIPELINE_ABORTED: break
                case PGRES_COMMAND_OK, PGRES_TUPLES_OK:
                    if case .prepared(let text) = expected { statements.learn(text) }
                    last = result
                default: if failure == nil { failure = result.failure(statement: statement) }
                }
                // A sync has no end of its own.
                if expected == .sync { break }
            }
        }
        awaited = []
        if let failure { throw failure }
        guard let last else { throw lost() }
        return last
    }

    /// Nil at the end of one command's results.
    private func next(until deadline: ContinuousClock.Instant) throws(PostgresFailure) -> PostgresResult? {
        while unsafe PQisBusy(handle) == 1 {
            let flushed = unsafe PQflush(handle)
            guard flushed >= 0 else { throw lost() }
            try wait(forWriting: flushed == 1, until: deadline)
            guard unsafe PQconsumeInput(handle) == 1 else { throw lost() }
        }
        guard let result = unsafe PQgetResult(handle) else {
            guard unsafe PQstatus(handle) == CONNECTION_OK else { throw lost() }
            return nil
        }
        return unsafe PostgresResult(result)
    }

    private func wait(forWriting: Bool, until deadline: ContinuousClock.Instant) throws(PostgresFailure) {
        var entry = pollfd(
            fd: unsafe PQsocket(handle), events: Int16(POLLIN | (forWriting ? POLLOUT : 0)), revents: 0)
        let left = ContinuousClock.now.duration(to: deadline)
        let code = unsafe poll(&entry, 1, Int32(clamping: max(0, left.wholeMilliseconds)))
        if code == 0 {
            throw PostgresFailure(state: nil, isFatal: true, message: "no answer within the statement's time")
        }
        guard code > 0 || errno == EINTR else { throw lost() }
    }
}

/// One answer, freed with its value.
@safe final class PostgresResult {
    fileprivate let handle: OpaquePointer

    init(_ handle: OpaquePointer) { unsafe self.handle = handle }

    deinit { unsafe PQclear(handle) }

    /// `COMMIT`, `UPDATE 3`
    var commandTag: String { unsafe PostgresConnection.words(PQcmdStatus(handle)) }

    var changedRows: Int { unsafe Int(PostgresConnection.words(PQcmdTuples(handle))) ?? 0 }

    func failure(statement: String) -> PostgresFailure {
        func field(_ code: Int32) -> String? {
            guard let text = unsafe PQresultErrorField(handle, code) else { return nil }
            return unsafe PostgresConnection.words(text)
        }
        let severity = field(Field.severity) ?? ""
        let whole = unsafe PostgresConnection.words(PQresultErrorMessage(handle))
        return PostgresFailure(
            state: field(Field.state), isFatal: severity == "FATAL" || severity == "PANIC",
            message: field(Field.message) ?? whole, constraint: field(Field.constraint), statement: statement)
    }

    /// The codes of `PQresultErrorField`, which are characters.
    private enum Field {
        static let severity = Int32(UInt8(ascii: "V"))
        static let state = Int32(UInt8(ascii: "C"))
        static let message = Int32(UInt8(ascii: "M"))
        static let constraint = Int32(UInt8(ascii: "n"))
    }

    func rows() -> [ResultRow] {
        let width = unsafe PQnfields(handle)
        let height = unsafe PQntuples(handle)
        guard height > 0 else { return [] }
        let columns = ResultColumns(names: (0..<width).map { unsafe String(cString: PQfname(handle, $0)) })
        let types = (0..<width).map { unsafe PQftype(handle, $0) }
        return (0..<height).map { row in
            ResultRow(columns: columns, values: (0..<width).map { value(row, $0, types[Int($0)]) })
        }
    }

    private func value(_ row: Int32, _ column: Int32, _ type: Oid) -> SQLValue {
        guard unsafe PQgetisnull(handle, row, column) == 0, let text = unsafe PQgetvalue(handle, row, column) else {
            return .null
        }
        switch type {
        case 20, 21, 23: return .integer(Int64(unsafe atoll(text)))
        case 700, 701, 1700: return .real(unsafe atof(text))
        case 16: return .integer(unsafe text.pointee == CChar(UInt8(ascii: "t")) ? 1 : 0)
        default:
            let length = Int(unsafe PQgetlength(handle, row, column))
            return .text(
                unsafe String(
                    decoding: UnsafeRawBufferPointer(start: text, count: length), as: UTF8.self))
        }
    }
}
