import CSV
import Glibc
import Imports

/// The measured half of `make bench` for checking files; `Tests/Benchmarks/run` starts it beside other readers.
///
///     import-bench memory FILE                     reads the file's bytes and adds them up
///     import-bench reader FILE                     cuts it into cells
///     import-bench check FILE OBJECT [without…]    all rules, in sequence as an upload does
///     import-bench parallel FILE OBJECT THREADS [without…]
///
/// `without` leaves parts out, to tell what they cost: `dates`, `emails`, `numbers`, `values` (enums, currencies,
/// booleans), `rules` (required, one of, …).
/// Prints bytes a second, rows, rows that are good, the most memory that was resident in bytes, and the nanoseconds
/// that processors spent on it.
@main
struct ImportBench {
    static let piece = 1 << 20

    static func main() throws {
        let arguments = Array(CommandLine.arguments.dropFirst())
        guard arguments.count >= 2 else { throw WrongUse() }
        let file = try InputFile(arguments[1])
        let begin = ContinuousClock.now
        let rows: (total: Int, valid: Int)
        switch (arguments[0], arguments.count) {
        case ("memory", 2): rows = (try addUp(file), 0)
        case ("reader", 2): rows = (try cut(file), 0)
        case ("check", 3...): rows = try check(file, schema(arguments[2], without: arguments.dropFirst(3)))
        case ("parallel", 4...):
            guard let threads = Int(arguments[3]) else { throw WrongUse() }
            rows = try check(file, schema(arguments[2], without: arguments.dropFirst(4)), threads: threads)
        default: throw WrongUse()
        }
        let time = ContinuousClock.now - begin
        let seconds = Double(time.components.seconds) + Double(time.components.attoseconds) / 1e18
        var usage = rusage()
        unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        let spent =
            (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1_000_000 + usage.ru_utime.tv_usec
            + usage.ru_stime.tv_usec
        print(
            Int(Double(file.byteCount) / seconds), rows.total, rows.valid, usage.ru_maxrss * 1024, spent * 1000)
    }

    struct WrongUse: Error {}

    static func schema(_ object: String, without parts: ArraySlice<String>) throws -> ObjectSchema {
        guard let object = ImportObject(rawValue: object) else { throw WrongUse() }
        var schema = ObjectCatalog.builtIn[object]
        let types: [String: [ObjectField.FieldType]] = [
            "dates": [.date, .dateOrEpochMilliseconds], "emails": [.email], "numbers": [.integer, .decimal],
            "values": [.enumeration, .currency, .boolean],
        ]
        for part in parts {
            guard part != "rules" else {
                schema.rules = []
                for index in schema.fields.indices { schema.fields[index].isRequired = false }
                continue
            }
            guard let left = types[part] else { throw WrongUse() }
            for index in schema.fields.indices where left.contains(schema.fields[index].type) {
                schema.fields[index].type = .string
            }
        }
        return schema
    }

    static func addUp(_ file: InputFile) throws -> Int {
        var sum: UInt64 = 0
        try file.read { bytes in
            unsafe bytes.withUnsafeBytes { bytes in
                var index = 0
                while index &+ 8 <= bytes.count {
                    unsafe sum &+= bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                    index &+= 8
                }
            }
        }
        return Int(truncatingIfNeeded: sum & 0xFFFF)
    }

    static func cut(_ file: InputFile) throws -> Int {
        var reader = CSVReader()
        var cells = 0
        try file.read { try reader.feed($0) { record, _, _ in cells &+= record.cellCount } }
        try reader.finish { record, _, _ in cells &+= record.cellCount }
        return cells
    }

    static func check(_ file: InputFile, _ schema: ObjectSchema) throws -> (total: Int, valid: Int) {
        var check = ImportCheck(schema: schema, chunkRows: .max)
        try file.read { try check.feed($0) { _ in } }
        let summary = try check.finish { _ in }
        return (summary.totalRows, summary.validRows)
    }

    static func check(_ file: InputFile, _ schema: ObjectSchema, threads: Int) throws -> (total: Int, valid: Int) {
        var check = ParallelImportCheck(schema: schema, threads: threads)
        while try unsafe check.feed({ _ in }, from: { unsafe file.read(into: $0) }) > 0 {}
        let summary = try check.finish { _ in }
        return (summary.totalRows, summary.validRows)
    }
}

/// A file read piece by piece.
final class InputFile {
    private let descriptor: Int32
    let byteCount: Int

    struct Unreadable: Error {}

    init(_ path: String) throws {
        descriptor = unsafe open(path, O_RDONLY)
        let end = lseek(descriptor, 0, SEEK_END)
        guard descriptor >= 0, end >= 0, lseek(descriptor, 0, SEEK_SET) == 0 else { throw Unreadable() }
        byteCount = Int(end)
    }

    deinit { close(descriptor) }

    func read(into room: UnsafeMutableRawBufferPointer) -> Int {
        max(0, unsafe Glibc.read(descriptor, room.baseAddress, room.count))
    }

    func read(_ body: (RawSpan) throws -> Void) throws {
        var piece = [UInt8](repeating: 0, count: ImportBench.piece)
        while true {
            let count = unsafe piece.withUnsafeMutableBytes { unsafe read(into: $0) }
            guard count > 0 else { return }
            try unsafe body(piece.span.bytes.extracting(first: count))
        }
    }
}
