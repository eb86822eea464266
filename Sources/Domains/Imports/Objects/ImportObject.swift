/// What can be imported, one kind to a file.
public enum ImportObject: String, CaseIterable, Codable, Sendable {
    case partners
    case customers
    case transactions
    case rewards
    case leads
    case deals
}
