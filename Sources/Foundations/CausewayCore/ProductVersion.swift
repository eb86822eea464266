/// The version of this program, as it is told to peers and by `causeway --version`.
public enum ProductVersion {
    public static let text = "0.1.0"
    public static let userAgent = "Causeway/\(text)"
}
