/// Places for files that a later version understands.
extension SettingKind where Value == Never? {
    static let filesURL: Self = Self("nothing: files are kept in data_dir then") { text throws(Unfit) in
        guard text.hasPrefix("s3://") else { throw Unfit(words: "is nothing that Causeway knows") }
        throw Unfit(words: "asks for S3, which this version cannot do yet")
    }
}
