import CAssets
import Foundation

/// The schemas of all objects, with what this program's settings add.
public struct ObjectCatalog: Sendable {
    private var byObject: [ImportObject: ObjectSchema]
    /// Of the groups whose settings say more than their object's.
    private var byGroup: [ImportObject: [String: ObjectSchema]] = [:]

    /// What the binary carries.
    public static let builtIn = ObjectCatalog()

    private init() {
        byObject = [:]
        for json in Self.embedded() {
            do {
                let schema = try JSONDecoder().decode(ObjectSchema.self, from: json)
                byObject[schema.object] = schema
            } catch {
                // The files are compiled in and a test decodes each: only a broken build comes here.
                preconditionFailure("a built-in object schema cannot be read: \(error)")
            }
        }
        precondition(byObject.count == ImportObject.allCases.count, "a built-in object schema is missing")
    }

    public subscript(object: ImportObject) -> ObjectSchema {
        guard let schema = byObject[object] else { preconditionFailure("no schema for \(object)") }
        return schema
    }

    /// As a file for this group is checked; a group of which the settings say nothing has its object's.
    public func schema(_ object: ImportObject, group: String?) -> ObjectSchema {
        group.flatMap { byGroup[object]?[$0] } ?? self[object]
    }

    /// In the order of the vendor's guide.
    public var schemas: [ObjectSchema] { ImportObject.allCases.map { self[$0] } }

    /// The groups with settings of their own, in alphabetical order.
    public func groups(_ object: ImportObject) -> [String] { (byGroup[object] ?? [:]).keys.sorted() }

    /// With one object's fields and rules added or replaced. Throws `DecodingError` where the result does not
    /// hold together (a rule about a field that does not exist).
    public func extended(_ object: ImportObject, by more: ObjectExtension) throws -> ObjectCatalog {
        var catalog = self
        let schema = try more.applied(to: self[object])
        catalog.byObject[object] = schema
        for (group, own) in more.groups { catalog.byGroup[object, default: [:]][group] = try own.applied(to: schema) }
        return catalog
    }

    private static func embedded() -> [Data] {
        var schemas: [Data] = []
        var size = 0
        while let bytes = unsafe causeway_object_schema(schemas.count, &size) {
            unsafe schemas.append(Data(bytes: bytes, count: size))
        }
        return schemas
    }
}
