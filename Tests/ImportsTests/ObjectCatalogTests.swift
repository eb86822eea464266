import Foundation
import Imports
import Testing

@Suite("Objects as data")
struct ObjectCatalogTests {
    @Test("the binary carries all six objects, and each says where its fields come from")
    func builtIn() {
        let schemas = ObjectCatalog.builtIn.schemas
        #expect(schemas.map(\.object) == ImportObject.allCases)
        #expect(schemas.allSatisfy { !$0.fields.isEmpty && $0.fields.allSatisfy { !$0.description.isEmpty } })
        #expect(schemas.filter(\.needsGroup).map(\.object) == [.leads, .deals])
        #expect(schemas.filter { $0.resend != .unsafe }.map(\.object) == [.partners])
    }

    @Test("the example of every field keeps that field's own rule", arguments: ImportObject.allCases)
    func examples(object: ImportObject) throws {
        let schema = ObjectCatalog.builtIn[object]
        for field in schema.fields {
            let cell = "\"\(field.example)\""
            let checked = try CheckedFile("\(field.name)\n\(cell)\n", as: object)
            #expect(
                checked.problems.allSatisfy { $0.row == nil || $0.code.isAboutSeveral },
                "\(field.name): \(checked.said)")
        }
    }

    @Test("encoding a schema and decoding it gives the same", arguments: ImportObject.allCases)
    func roundTrip(object: ImportObject) throws {
        let schema = ObjectCatalog.builtIn[object]
        #expect(try JSONDecoder().decode(ObjectSchema.self, from: JSONEncoder().encode(schema)) == schema)
    }

    @Test("a program's own fields and rules are checked like built-in ones")
    func extending() throws {
        let json = """
            {"fields": [{"name": "region", "type": "enum", "values": ["EMEA", "APAC"], "value_case": "any"},
                        {"name": "manager", "type": "email"}],
             "rules": [{"rule": "requires", "field": "manager", "fields": ["region"]}]}
            """
        let more = try JSONDecoder().decode(ObjectExtension.self, from: Data(json.utf8))
        let catalog = try ObjectCatalog.builtIn.extended(.partners, by: more)
        let checked = try CheckedFile(
            "partner_key,region,manager\na,emea,x@y.co\nb,,x@y.co\nc,EMEE,\n", as: .partners, catalog: catalog)
        #expect(
            checked.said == ["2 3 region requires_column", "3 4 region invalid_enum 'EMEE' → EMEA"])
        #expect(try CheckedFile("partner_key,region\na,EMEA\n", as: .partners).summary.isRefused)
    }

    @Test(
        "a mistake in a program's fields is refused with its reason",
        arguments: [
            (#"{"fields": [{"name": "x", "typ": "email"}]}"#, "typ"),
            (#"{"fields": [{"name": "x", "type": "enum"}]}"#, "values"),
            (#"{"rules": [{"rule": "at_least_one_of", "fields": ["nobody"]}]}"#, "nobody"),
            (#"{"field": []}"#, "field"),
            (#"{"fields": [{"name": "x", "type": "integer", "money": "cents", "same_as": "y"}]}"#, "no other field"),
            (#"{"fields": [{"name": "x", "same_as": "partner_key"}]}"#, "money"),
            (#"{"fields": [{"name": "x", "type": "boolean", "default": "yes"}]}"#, "default"),
            (#"{"fields": [{"name": "x", "default": "yes"}]}"#, "default"),
        ])
    func mistakes(json: String, reason: String) {
        let error = #expect(throws: DecodingError.self) {
            let more = try JSONDecoder().decode(ObjectExtension.self, from: Data(json.utf8))
            _ = try ObjectCatalog.builtIn.extended(.partners, by: more)
        }
        #expect(error.map { "\($0)" }?.contains(reason) == true)
    }

    @Test("a field in place of a built-in one means the same to the vendor: its unit and its default stay")
    func inherited() throws {
        let json = """
            {"fields": [{"name": "amount_in_dollars", "type": "integer"},
                        {"name": "status", "type": "enum", "values": ["pending", "declined"], "value_case": "any"},
                        {"name": "is_external", "type": "boolean", "default": "false"}]}
            """
        let more = try JSONDecoder().decode(ObjectExtension.self, from: Data(json.utf8))
        let catalog = try ObjectCatalog.builtIn.extended(.rewards, by: more)
        func digest(_ text: String) throws -> String {
            let checked = try CheckedFile("partner_key,body,\(text)\n", as: .rewards, catalog: catalog)
            #expect(checked.said == [])
            return checked.summary.contentDigest
        }
        #expect(
            try digest("amount_in_dollars,status,is_external\np,B,10,Pending,false")
                == digest("amount_in_cents\np,B,1000"))
        #expect(
            try digest("amount_in_cents,status\np,B,1,DECLINED") == digest("amount_in_cents,status\np,B,1,declined"))
    }

    @Test("unknown columns are custom fields where the schema says so")
    func customColumns() throws {
        var more = ObjectExtension()
        more.unknownColumns = .allow
        let catalog = try ObjectCatalog.builtIn.extended(.partners, by: more)
        #expect(try CheckedFile("partner_key,shoe_size\na,43\n", as: .partners, catalog: catalog).said == [])
        #expect(
            try CheckedFile("partner_key,tire\na,Gold\n", as: .partners, catalog: catalog).said
                == ["- 1 tire unknown_column → tier"])
    }
}

extension ProblemCode {
    /// Of a rule over several columns, or of a row that lacks others.
    var isAboutSeveral: Bool {
        [.required, .atLeastOneOf, .exactlyOneOf, .requiresColumn].contains(self)
    }
}
