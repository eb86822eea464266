import CAssets
import Foundation

/// The schemas of all objects, with what this program's settings add.
public struct ObjectCatalog: Sendable {
    private var byObject: [ImportObject: ObjectSchema]

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

    /// In the order of the vendor's guide.
    public var schemas: [ObjectSchema] { ImportObject.allCases.map { self[$0] } }

    /// With one object's fields and rules added or replaced. Throws `DecodingError` where the result does not
    /// hold together (a rule about a field that does not exist).
    public func extended(_ object: ImportObject, by more: ObjectExtension) throws -> ObjectCatalog {
        var schema = self[object]
        for field in more.fields {
            if let index = schema.fields.firstIndex(where: { $0.name == field.name }) {
                schema.fields[index] = field
            } else {
                schema.fields.append(field)
            }
        }
        schema.rules += more.rules
        if let unknownColumns = more.unknownColumns { schema.unknownColumns = unknownColumns }
        if let headerCase = more.headerCase { schema.headerCase = headerCase }
        if let resend = more.resend { schema.resend = resend }
        // Through the decoder, which checks the whole.
        schema = try JSONDecoder().decode(ObjectSchema.self, from: try JSONEncoder().encode(schema))
        var catalog = self
        catalog.byObject[object] = schema
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

/// What a program's settings say about one object: fields of its own (a field with a built-in name replaces that
/// one), further rules, other switches.
public struct ObjectExtension: Decodable, Sendable {
    public var fields: [ObjectField]
    public var rules: [ObjectRule]
    public var unknownColumns: ObjectSchema.UnknownColumns?
    public var headerCase: LetterCase?
    public var resend: ObjectSchema.Resend?

    enum CodingKeys: String, CodingKey, CaseIterable {
        case fields, rules, resend
        case unknownColumns = "unknown_columns"
        case headerCase = "header_case"
    }

    public init(fields: [ObjectField] = [], rules: [ObjectRule] = []) {
        self.fields = fields
        self.rules = rules
    }

    public init(from decoder: any Decoder) throws {
        try decoder.refuseUnknownMembers(CodingKeys.allCases)
        let members = try decoder.container(keyedBy: CodingKeys.self)
        fields = try members.decodeIfPresent([ObjectField].self, forKey: .fields) ?? []
        rules = try members.decodeIfPresent([ObjectRule].self, forKey: .rules) ?? []
        unknownColumns = try members.decodeIfPresent(ObjectSchema.UnknownColumns.self, forKey: .unknownColumns)
        headerCase = try members.decodeIfPresent(LetterCase.self, forKey: .headerCase)
        resend = try members.decodeIfPresent(ObjectSchema.Resend.self, forKey: .resend)
    }
}
