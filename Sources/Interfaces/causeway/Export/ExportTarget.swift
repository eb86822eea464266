import CausewayCore
import Foundation

/// Where an export goes, and which of its bytes.
enum ExportTarget: Sendable, Hashable {
    case standardOutput
    case file(String)
    /// Without a slash at the end. Each part under its own name.
    case directory(String)

    init(_ output: String) {
        var isDirectory: ObjCBool = false
        let exists = unsafe FileManager.default.fileExists(atPath: output, isDirectory: &isDirectory)
        if output == "-" {
            self = .standardOutput
        } else if output.hasSuffix("/") || (exists && isDirectory.boolValue) {
            let path = String(output.reversed().drop { $0 == "/" }.reversed())
            self = .directory(path.isEmpty ? "/" : path)
        } else {
            self = .file(output)
        }
    }

    /// Where it is kept how far an earlier run has come; nil where there is no such place.
    func ticketPath(_ report: String) -> String? {
        switch self {
        case .standardOutput: nil
        case .file(let path): path + ".part.json"
        case .directory(let path):
            "\(path)/\(report.replacing("/", with: "_")).part.json"
        }
    }
}

/// How the parts of an export are put together.
struct ExportShape: Sendable, Hashable {
    enum Format: String, CaseIterable, Sendable { case csv, ndjson }

    /// Nil takes the vendor's file as it is, where there is one.
    var format: Format?
    /// `a,b`, as the gateway takes it; nil takes all.
    var columns: String?

    private var isMade: Bool { format != nil || columns != nil }

    /// What is to be fetched into one file of that name.
    func source(of export: JSONValue, for name: String?) throws -> ExportDownload.Source {
        let files = export["files"]?.array ?? []
        if isMade || (files.count > 1 && name?.hasSuffix(".zip") != true) { return data(of: export) }
        if name?.hasSuffix(".zip") == true, files.count > 1, let zip = export["zip_file"], zip != .null {
            return try Self.file(zip, of: export)
        }
        guard let first = files.first, files.count == 1 else {
            throw CommandFailure(
                files.isEmpty
                    ? "The export has no file." : "The vendor made no zip of this export: name a directory, or a .csv.")
        }
        return try Self.file(first, of: export)
    }

    /// Each part, by the name under which it is kept.
    static func parts(of export: JSONValue) throws -> [ExportDownload.Source] {
        let files = export["files"]?.array ?? []
        guard !files.isEmpty else { throw CommandFailure("The export has no file.") }
        return try files.map { try file($0, of: export) }
    }

    private static func file(_ file: JSONValue, of export: JSONValue) throws -> ExportDownload.Source {
        guard let id = export["id"]?.string, let name = file["name"]?.string, !name.isEmpty, name != ".", name != "..",
            !name.contains("/"), !name.contains("\0")
        else { throw CommandFailure("The gateway names a file in a way that cannot be kept.") }
        return ExportDownload.Source(
            path: "/v1/exports/\(id)/files/\(GatewayClient.segment(name))", name: name, size: file["size"]?.integer,
            sha256: file["sha256"]?.string, isMade: false)
    }

    private func data(of export: JSONValue) -> ExportDownload.Source {
        let names = columns.map(GatewayClient.segment) ?? ""
        return ExportDownload.Source(
            path: "/v1/exports/\(export["id"]?.string ?? "")/data" + (names.isEmpty ? "" : "?columns=\(names)"),
            accept: format == .ndjson ? "application/x-ndjson" : "text/csv", name: "data", isMade: true)
    }
}
