/// Why the gateway does not start, in words for whoever starts it.
public enum GatewayError: Error, CustomStringConvertible {
    case dataDirectory(String)
    case schema(String)
    case keysMissing
    case secretsKey(String)

    public var description: String {
        switch self {
        case .dataDirectory(let words), .schema(let words), .secretsKey(let words): words
        case .keysMissing: "vendor.public_key and vendor.secret_key are needed to serve."
        }
    }
}
