import CSV
import Imports

/// All that one check said.
private struct Said: Equatable {
    var problems: [RowProblem] = []
    var rejected: [Range<Int>] = []
    var summary: [String] = []

    mutating func take(_ finding: ImportFinding) {
        switch finding {
        case .problem(let problem): problems.append(problem)
        case .rejected(_, _, let bytes): rejected.append(bytes)
        }
    }
}

/// The six objects' rules on any file: whole, in parts, and in blocks on two threads it is the same.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzValidator(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    guard let input = unsafe FuzzInput(data, size) else { return 0 }
    let schema = ObjectCatalog.builtIn[ImportObject.allCases[input.choice(0, of: 6)]]
    let charsets: [CSVCharset?] = [nil] + CSVCharset.allCases
    let charset = charsets[input.choice(3, of: charsets.count)]

    func check(_ parts: [[UInt8]]) -> Said {
        var said = Said()
        var check = ImportCheck(schema: schema, charset: charset, chunkRows: .max)
        for part in parts { try? check.feed(part) { said.take($0) } }
        if let summary = try? check.finish({ said.take($0) }) {
            said.summary = summary.facts
            // Rows that are there twice are refused when all are known, without a finding of their own.
            if summary.totalProblems < said.problems.count || said.rejected.count > summary.invalidRows {
                differ("counted wrongly", summary, said)
            }
        }
        return said
    }
    func checkInBlocks(_ parts: [[UInt8]], of size: Int) -> Said {
        var said = Said()
        var check = ParallelImportCheck(schema: schema, charset: charset, threads: 1, blockSize: size)
        for part in parts { try? unsafe check.feed(part.span.bytes) { said.take($0) } }
        if let summary = try? check.finish({ said.take($0) }) { said.summary = summary.facts }
        return said
    }

    let whole = check([input.file])
    let parts = input.parts(of: input.choice(1, of: 255) + 1)
    let split = check(parts)
    if split != whole { differ("parts make a difference", split, whole) }
    let blocks = checkInBlocks(parts, of: input.choice(2, of: 64) + 16)
    if blocks != whole { differ("blocks make a difference", blocks, whole) }
    return 0
}
