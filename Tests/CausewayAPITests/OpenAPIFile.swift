import CausewayCore
import Foundation
import Yams

/// `openapi/causeway.yaml`, read.
struct OpenAPIFile {
    static let path = "openapi/causeway.yaml"

    let root: JSONValue

    init() throws {
        root = try YAMLDecoder().decode(JSONValue.self, from: Checkout.data(Self.path))
    }

    struct Operation {
        /// Lower case.
        let method: String
        let path: String
        let members: JSONValue
        /// Those of its path too, with references followed.
        let parameters: [JSONValue]

        /// Readable, and the same whatever the parameters in the path are called.
        var place: String { Self.place(method, path) }

        var name: String { members["operationId"]?.string ?? place }

        /// The keys of its security requirements; nil where a key is not needed.
        var scopes: [Set<String>]? {
            let ways = members["security"]?.array ?? []
            guard !ways.isEmpty else { return nil }
            return ways.flatMap { way in
                (way.object ?? [:]).values.map { Set(($0.array ?? []).compactMap(\.string)) }
            }
        }

        static func place(_ method: String, _ template: String) -> String {
            let parts = template.split(separator: "/").map { $0.hasPrefix("{") ? "{}" : String($0) }
            return "\(method.uppercased()) /\(parts.joined(separator: "/"))"
        }
    }

    static let methods: Set = ["get", "put", "post", "patch", "delete", "head", "options", "trace"]

    var operations: [Operation] { operations(under: "paths") }
    var webhooks: [Operation] { operations(under: "webhooks") }

    private func operations(under member: String) -> [Operation] {
        (root[member]?.object ?? [:]).flatMap { path, item in
            (item.object ?? [:]).filter { Self.methods.contains($0.key) }.map { method, operation in
                let parameters = (item["parameters"]?.array ?? []) + (operation["parameters"]?.array ?? [])
                return Operation(
                    method: method, path: path, members: operation, parameters: parameters.compactMap(resolved))
            }
        }
    }

    /// What a reference points to; the value itself where it is none.
    func resolved(_ value: JSONValue) -> JSONValue? {
        guard let reference = value["$ref"]?.string else { return value }
        return reference.split(separator: "/").dropFirst().reduce(root) { $0?[String($1)] }
    }

    /// The words of an enumeration.
    func words(_ schema: String, _ path: String...) -> [String] {
        let found = path.reduce(root["components"]?["schemas"]?[schema]) { $0?[$1] }
        return (found?["enum"]?.array ?? []).compactMap(\.string)
    }
}

/// Where this package lies.
enum Checkout {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static func data(_ path: String) throws -> Data { try Data(contentsOf: root.appending(path: path)) }
}
