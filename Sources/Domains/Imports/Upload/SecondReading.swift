import CSV
import FileStore
import Foundation

/// An upload read once more, from the disk: the same bytes give the same records.
enum SecondReading {
    private static let block = 1 << 20

    /// Throws `FileStoreError`, and what `handler` throws.
    /// - Parameter goesOn: asked now and then; where it says no, the rest is left unread.
    static func rows(
        of path: String, _ summary: ImportSummary, _ schema: ObjectSchema, while goesOn: () throws -> Bool = { true },
        _ handler: CSVReader.Handler
    ) throws {
        guard let file = FileHandle(forReadingAtPath: path) else {
            throw FileStoreError.failed(detail: "\(path) cannot be opened")
        }
        defer { try? file.close() }
        var reader = CSVFileReader(encoding: summary.encoding, isKnownHeader: { schema.knows(header: $0) })
        while try goesOn() {
            guard let data = try file.read(upToCount: block), !data.isEmpty else {
                try reader.finish(handler)
                return
            }
            try reader.feed(data.bytes, handler)
        }
    }
}
