import CSV
import Imports

extension ImportSummary {
    /// All that a summary says, but where the pieces to forward begin.
    var facts: [String] {
        [
            "\(object) \(totalRows) rows, \(validRows) valid, \(blankRows) blank, \(byteCount) bytes",
            "\(totalProblems) problems, \(storedProblems) stored, refused: \(isRefused)", "\(firstProblems)",
            "\(amounts) \(contentDigest)", "\(totalWarnings) warnings",
            "\(dialect) \(encoding) as the vendor reads: \(isAsVendorReads)", "\(header) \(headerBytes)",
        ]
    }
}
