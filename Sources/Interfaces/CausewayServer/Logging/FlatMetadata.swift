import Logging

/// Metadata as a list of names and texts in alphabetical order: what lies in dictionaries and arrays gets a name with
/// dots, since a column of a log store holds a text.
struct FlatMetadata {
    private(set) var pairs: [(name: String, text: String)] = []

    init(_ metadata: Logger.Metadata) {
        for (name, value) in metadata.sorted(by: { $0.key < $1.key }) { add(value, name) }
    }

    private mutating func add(_ value: Logger.MetadataValue, _ name: String) {
        switch value {
        case .string(let text): pairs.append((name, text))
        case .stringConvertible(let thing): pairs.append((name, thing.description))
        case .dictionary(let inner):
            for (key, value) in inner.sorted(by: { $0.key < $1.key }) { add(value, "\(name).\(key)") }
        case .array(let values):
            for (index, value) in values.enumerated() { add(value, "\(name).\(index)") }
        }
    }
}
