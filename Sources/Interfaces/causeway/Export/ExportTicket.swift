import CausewayCore
import Foundation

/// The small file beside what is being fetched, `FILE.part.json`: with it the same command goes on where it was stopped.
/// It is written before the export is asked for, so that even an answer that never came is asked for again and not anew.
struct ExportTicket: Sendable {
    /// Empty where it is kept in memory alone.
    private let path: String
    private let address: String
    private let wish: JSONValue
    private(set) var idempotencyKey: String
    /// `exp_…`, once it is known.
    var export: String?
    /// Of the files that the parts belong to, by their names, once they are known.
    var etags: [String: String] = [:]

    /// The one that is there for the same wish at the same gateway, or a new one.
    /// - Parameter path: nil keeps it in memory alone.
    init(path: String?, address: String, wish: ExportWish) {
        self.path = path ?? ""
        self.address = address
        self.wish = wish.body
        idempotencyKey = RandomToken.make()
        guard let path, let data = FileManager.default.contents(atPath: path),
            let kept = try? JSONValue(parsing: data), kept["url"]?.string == address, kept["request"] == self.wish,
            let key = kept["idempotency_key"]?.string
        else { return }
        idempotencyKey = key
        export = kept["export"]?.string
        etags = (kept["etags"]?.object ?? [:]).compactMapValues(\.string)
    }

    /// Forgets what has come to nothing.
    mutating func renew() throws {
        idempotencyKey = RandomToken.make()
        export = nil
        etags = [:]
        try save()
    }

    func save() throws {
        guard !path.isEmpty else { return }
        let json: JSONValue = [
            "url": .string(address), "request": wish, "idempotency_key": .string(idempotencyKey),
            "export": .optional(export), "etags": .object(etags.mapValues(JSONValue.string)),
        ]
        do {
            try Data((json.text + "\n").utf8).write(to: URL(filePath: path), options: .atomic)
        } catch {
            throw CommandFailure("\(path) cannot be written: \(error.localizedDescription)")
        }
    }

    func remove() {
        if !path.isEmpty { try? FileManager.default.removeItem(atPath: path) }
    }
}
