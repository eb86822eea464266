import CausewayCore
public import Vendor

/// What is read off the vendor's entity.
extension Export {
    public var vendorExport: VendorExport? { entity.flatMap(VendorExport.init) }

    public var reportType: String? { vendorExport?.reportType }

    /// Its files under the names that callers see.
    var files: [ExportFile] { vendorExport.map(ExportFile.files) ?? [] }
    var zipFile: ExportFile? { vendorExport.flatMap(ExportFile.zip) }

    /// A part or the zip, by the name that callers see.
    func file(named name: String) -> ExportFile? {
        files.first { $0.name == name } ?? zipFile.flatMap { $0.name == name ? $0 : nil }
    }

    /// What filters of subscriptions look at.
    var eventAttributes: [String: String] {
        var attributes = ["report": report, "source": source]
        attributes["report_type"] = reportType
        if status == .success {
            // What subscriptions in the vendor's own format are sent, as JSON text.
            attributes["vendor_entity"] = VendorMembers.entityForSubscribers(self)?.text
        }
        return attributes
    }
}

/// One file of an export. Its name is the vendor's, made safe as one segment of a path and unique in the export.
struct ExportFile: Sendable, Hashable {
    let name: String
    let url: String?

    static func files(of export: VendorExport) -> [ExportFile] {
        var taken: Set<String> = []
        return export.files.enumerated().map { index, file in
            var name = safe(file.name)
            if !taken.insert(name).inserted {
                name = "\(index + 1)-\(name)"
                taken.insert(name)
            }
            return ExportFile(name: name, url: file.url)
        }
    }

    static func zip(of export: VendorExport) -> ExportFile? {
        guard let zip = export.zipFile else { return nil }
        let name = safe(zip.name)
        return ExportFile(
            name: export.files.contains { safe($0.name) == name } ? "all-\(name)" : name, url: zip.url)
    }

    private static func safe(_ name: String) -> String {
        let name = String(
            name.unicodeScalars.map { scalar -> Character in
                scalar.value < 0x20 || scalar.value == 0x7f || scalar == "/" || scalar == "\\"
                    ? "_" : Character(scalar)
            })
        return name == "." || name == ".." ? "_" : name
    }
}
