/// Addresses that a later version understands.
extension SettingKind where Value == Never? {
    static let databaseURL: Self = notYet(
        ["postgres://", "postgresql://"], what: "PostgreSQL", remedy: "nothing: SQLite in data_dir is used then")
    static let filesURL: Self = notYet(["s3://"], what: "S3", remedy: "nothing: files are kept in data_dir then")

    private static func notYet(_ prefixes: [String], what: String, remedy: String) -> Self {
        Self(remedy) { text throws(Unfit) in
            if prefixes.contains(where: text.hasPrefix) {
                throw Unfit(words: "asks for \(what), which this version cannot do yet")
            }
            throw Unfit(words: "is nothing that Causeway knows")
        }
    }
}
