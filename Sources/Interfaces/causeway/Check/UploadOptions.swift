public import ArgumentParser
public import Imports

/// What a file is and what is to be done with it, as `causeway check` and `causeway import` take it.
struct UploadOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "What the file holds: \(ImportObject.allCases.map(\.rawValue).joined(separator: ", ")).",
            valueName: "object"))
    var object: ImportObject
    @Option(help: ArgumentHelp("The group's key, for leads and deals.", valueName: "key"))
    var group: String?
    @Option(
        help: ArgumentHelp(
            "all_or_nothing (one bad row refuses the file), valid_rows (bad rows are handed back) or dry_run.",
            valueName: "mode"))
    var mode = ImportMode.allOrNothing

    @Option(
        help: ArgumentHelp(
            "What the file is written in, where it does not tell by itself, such as windows-1252.", valueName: "charset"
        ))
    var charset: String?

    /// What no gateway would take, whatever its settings.
    func validate() throws {
        if ObjectCatalog.builtIn[object].needsGroup, group == nil {
            throw ValidationError("\(object.rawValue) belong to a group of yours: name its key, --group KEY.")
        }
        do {
            _ = try FileCheck(request(filename: ""), catalog: .builtIn)
        } catch let error as ImportOperationError {
            throw ValidationError(error.detail)
        }
    }

    func request(filename: String) -> ImportRequest {
        ImportRequest(
            object: object, mode: mode, group: group, filename: filename, charset: charset, caller: "")
    }
}

extension ImportObject: ExpressibleByArgument {}
extension ImportMode: ExpressibleByArgument {}
