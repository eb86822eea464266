import CausewayCore
import Foundation
import Testing

@testable import Imports

@Suite("Objects as people and programs see them")
struct ObjectShownTests {
    private static let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    @Test("the template has every column and one row that keeps every rule", arguments: ImportObject.allCases)
    func template(object: ImportObject) throws {
        let schema = ObjectCatalog.builtIn[object]
        let checked = try CheckedFile(schema.template, as: object)
        #expect(checked.said == [])
        #expect(checked.summary.validRows == 1)
        #expect(checked.summary.header == schema.fields.map(\.name))
        #expect(checked.summary.isAsVendorReads)
    }

    @Test("the template of a program's own fields keeps their rules too")
    func ownTemplate() throws {
        let json = """
            {"fields": [{"name": "size", "type": "enum", "values": ["S", "M"], "required": true},
                        {"name": "note", "min_length": 9, "required": true}, {"name": "seats", "type": "integer", "minimum": 500},
                        {"name": "since", "type": "date"}, {"name": "boss", "type": "email"}]}
            """
        let more = try JSONDecoder().decode(ObjectExtension.self, from: Data(json.utf8))
        let catalog = try ObjectCatalog.builtIn.extended(.leads, by: more)
        #expect(try CheckedFile(catalog[.leads].template, as: .leads, catalog: catalog).said == [])
    }

    @Test("openapi/objects has a page for each, made from its schema", arguments: ImportObject.allCases)
    func page(object: ImportObject) throws {
        let expected = ObjectPage(ObjectCatalog.builtIn[object]).markdown
        let name = "\(object.rawValue).md"
        let file = Self.repository.appending(path: "openapi/objects/\(name)")
        guard (try? String(contentsOf: file, encoding: .utf8)) != expected else { return }
        let made = Self.repository.appending(path: ".build/objects")
        try FileManager.default.createDirectory(at: made, withIntermediateDirectories: true)
        try expected.write(to: made.appending(path: name), atomically: true, encoding: .utf8)
        Issue.record("the schema has changed: cp .build/objects/\(name) openapi/objects/")
    }

    @Test("the page says what each code means and how to mend it")
    func guide() {
        #expect(Set(ProblemGuide.entries.keys) == Set(ProblemCode.allCases))
        let rewards = ObjectPage(ObjectCatalog.builtIn[.rewards]).markdown
        #expect(rewards.contains("| `invalid_currency` |") && !rewards.contains("`metadata_key`"))
        #expect(rewards.contains("Exactly one of `amount_in_cents`, `amount_in_dollars` is needed."))
        let transactions = ObjectPage(ObjectCatalog.builtIn[.transactions]).markdown
        #expect(transactions.contains("| `metadata_key` |") && !transactions.contains("| `invalid_boolean` |"))
    }

    @Test("a group has the fields and stages that the settings give it, and other groups do not")
    func groups() throws {
        let json = """
            {"fields": [{"name": "region"}],
             "groups": {"eu": {"stages": ["Won", "Lost"], "fields": [{"name": "vat", "required": true}]}, "us": {}}}
            """
        let more = try JSONDecoder().decode(ObjectExtension.self, from: Data(json.utf8))
        let catalog = try ObjectCatalog.builtIn.extended(.deals, by: more)
        #expect(catalog.groups(.deals) == ["eu", "us"])
        let eu = catalog.schema(.deals, group: "eu")
        #expect(eu.field(named: "stage")?.values == ["Won", "Lost"])
        #expect(eu.field(named: "stage")?.isRequired == true)
        #expect(eu.field(named: "vat") != nil && eu.field(named: "region") != nil)
        for other in [catalog[.deals], catalog.schema(.deals, group: "us"), catalog.schema(.deals, group: "x")] {
            #expect(other.field(named: "stage")?.type == .string)
            #expect(other.field(named: "vat") == nil && other.field(named: "region") != nil)
        }
        for (object, json) in [
            (ImportObject.partners, #"{"groups": {"a": {}}}"#), (.leads, #"{"stages": ["a"]}"#),
            (.leads, #"{"groups": {"a": {"groups": {"b": {}}}}}"#),
        ] {
            #expect(throws: DecodingError.self, "\(json)") {
                let more = try JSONDecoder().decode(ObjectExtension.self, from: Data(json.utf8))
                _ = try ObjectCatalog.builtIn.extended(object, by: more)
            }
        }
    }
}
