import CausewayCore
import Imports
import Yams

extension SettingsReader {
    static let objectsPath = "imports.objects"

    /// The objects with what the file says of this program's own fields; the built-in ones where it says nothing.
    mutating func objects() -> ObjectCatalog {
        var catalog = ObjectCatalog.builtIn
        guard let tree = file.trees[Self.objectsPath], tree.null == nil else { return catalog }
        guard case .mapping(let mapping) = tree else {
            refuse(mistake(Self.objectsPath, tree, "is no group of objects"))
            return catalog
        }
        for (key, node) in mapping {
            let name = key.scalar?.string ?? ""
            let path = "\(Self.objectsPath).\(name)"
            guard let object = ImportObject(rawValue: name) else {
                let names = ImportObject.allCases.map(\.rawValue)
                let near = NearestName.of(name, among: names).map { "did you mean \($0)?" }
                let words = "is no object; " + (near ?? "there are: \(names.joined(separator: ", "))")
                refuse(mistake(path, key, words))
                continue
            }
            guard node.null == nil else { continue }
            let more: ObjectExtension
            do {
                more = try YAMLDecoder().decode(ObjectExtension.self, from: node)
            } catch {
                let (place, steps) = (error as? DecodingError)?.place(in: node, from: key) ?? (key, "")
                refuse(mistake(path + steps, place, Self.words(error)))
                continue
            }
            do {
                catalog = try catalog.extended(object, by: more)
            } catch {
                refuse(mistake(path, key, Self.words(error)))
            }
        }
        return catalog
    }

    private func mistake(_ path: String, _ node: Node, _ words: String) -> SettingsMistake {
        SettingsMistake(
            place: file.place(node.mark?.line ?? 1), setting: path, words: words,
            remedy: "the README shows how fields of your own are written")
    }

    private static func words(_ error: any Error) -> String {
        switch error as? DecodingError {
        case .keyNotFound(let key, _): "lacks \(key.stringValue)"
        case .typeMismatch(let type, _), .valueNotFound(let type, _): "must be \(noun(type))"
        case .dataCorrupted(let context): context.debugDescription
        default: "cannot be read"
        }
    }

    private static func noun(_ type: Any.Type) -> String {
        let name = "\(type)"
        let nouns = [
            ("Int", "a whole number"), ("Bool", "true or false"), ("String", "a text"), ("Scalar", "a text"),
            ("Sequence", "a list"), ("Array", "a list"), ("Mapping", "a group of lines `name: value`"),
            ("Dictionary", "a group of lines `name: value`"),
        ]
        return nouns.first { name.contains($0.0) }?.1 ?? "of another kind"
    }
}

extension DecodingError {
    /// The node that it is about, as near as it can be found, and the steps that lead there (`.fields[1].type`).
    fileprivate func place(in root: Node, from key: Node) -> (Node, String) {
        let path: [any CodingKey] =
            switch self {
            case .typeMismatch(_, let context), .valueNotFound(_, let context), .keyNotFound(_, let context),
                .dataCorrupted(let context):
                context.codingPath
            @unknown default: []
            }
        var (node, place, steps) = (root, key, "")
        for step in path {
            if let index = step.intValue, case .sequence(let elements) = node, elements.indices.contains(index) {
                node = elements[index]
                place = node
                steps += "[\(index)]"
            } else if case .mapping(let mapping) = node,
                let pair = mapping.first(where: { $0.key.scalar?.string == step.stringValue })
            {
                place = pair.key
                node = pair.value
                steps += ".\(step.stringValue)"
            }
        }
        return (place, steps)
    }
}
