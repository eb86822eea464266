import CSV
import CausewayCore

/// Which columns go out, in which order, and how they are written.
struct RowShape: Sendable {
    let format: ExportData.Format
    /// Names as the caller gave them; nil for all.
    let columns: [String]?

    /// Nothing is rewritten: the bytes go out as they came.
    var isVerbatim: Bool { format == .csv && columns == nil }

    /// Where in the files' records the columns stand. Throws `ExportDataError`.
    func indices(in names: [String]) throws -> [Int] {
        guard let columns else {
            if format == .ndjson, let twice = Self.firstTwice(names) { throw ExportDataError.ambiguousColumn(twice) }
            return Array(names.indices)
        }
        return try columns.map { column in
            let found = names.indices.filter { names[$0] == column }
            guard let index = found.first else {
                throw ExportDataError.unknownColumn(column, near: NearestName.of(column, among: names))
            }
            guard found.count == 1 else { throw ExportDataError.ambiguousColumn(column) }
            return index
        }
    }

    /// `a,b` as one record of a CSV, so that a name with a comma can be given in quotes. Throws
    /// `ExportDataError.notAList`.
    static func columns(in text: String) throws -> [String] {
        guard text.utf8.count <= 32 << 10 else {
            throw ExportDataError.notAList("This is longer than a header may be.")
        }
        guard let names = CSVReader.record(of: text), !names.contains("") else {
            throw ExportDataError.notAList("Give names separated by commas, those with a comma in quotes.")
        }
        if let twice = firstTwice(names) { throw ExportDataError.notAList("\(twice) is named twice.") }
        return names
    }

    private static func firstTwice(_ names: [String]) -> String? {
        var seen: Set<String> = []
        return names.first { !seen.insert($0).inserted }
    }
}
