import HTTPTypes
import Hummingbird
import Imports

/// Which gateway the curl lines of a report name: the one that the caller asked, as he named it.
enum ReportPlace {
    static func of(_ request: Request) -> ImportReport.Place {
        guard let host = request.head.authority, isPlain(host) else { return .gateway("$CAUSEWAY_URL") }
        let forwarded = HTTPField.Name("X-Forwarded-Proto").flatMap { request.headers[$0] }
        return .gateway((forwarded == "https" ? "https://" : "http://") + host)
    }

    /// What stands in a shell without being more than a name.
    private static func isPlain(_ host: String) -> Bool {
        !host.isEmpty && host.utf8.count <= 255
            && host.unicodeScalars.allSatisfy { scalar in
                ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || ("0"..."9").contains(scalar)
                    || ".-:[]_".unicodeScalars.contains(scalar)
            }
    }
}
