import CausewayServer
import Foundation
import Imports
import Support
import Testing

@Suite("Fields of a program's own in causeway.yaml")
struct ObjectSettingsTests {
    private func catalog(_ yaml: String) throws -> ObjectCatalog {
        let directory = try TemporaryDirectory()
        try yaml.write(toFile: directory.file("causeway.yaml"), atomically: true, encoding: .utf8)
        return try Settings.load(
            file: directory.file("causeway.yaml"), environment: [:], purpose: .administration
        ).imports.catalog
    }

    @Test("are columns like the built-in ones, also by group")
    func taken() throws {
        let catalog = try catalog(
            """
            imports:
              max_size: 1GiB
              objects:
                partners:
                  unknown_columns: allow
                  fields:
                    - {name: region, type: enum, values: [EMEA, APAC, 2], value_case: any, required: true}
                    - name: account manager
                      type: email
                  rules:
                    - {rule: requires, field: account manager, fields: [region]}
                leads:
                  groups:
                    eu_resellers:
                      unknown_columns: refuse
                      fields: [{name: VAT id, min_length: 8}]
                deals:
                  groups:
                    eu_resellers: {stages: [Working, Won]}
            """)
        #expect(catalog[.partners].field(named: "region")?.values == ["EMEA", "APAC", "2"])
        #expect(catalog[.partners].field(named: "account manager")?.type == .email)
        #expect(catalog[.partners].unknownColumns == .allow)
        #expect(catalog[.leads].field(named: "VAT id") == nil)
        #expect(catalog.schema(.leads, group: "eu_resellers").field(named: "VAT id")?.minLength == 8)
        #expect(catalog.schema(.deals, group: "eu_resellers").field(named: "stage")?.values == ["Working", "Won"])
        #expect(try self.catalog("imports:\n  objects:\n").schemas == ObjectCatalog.builtIn.schemas)
    }

    @Test(
        "with a mistake stop the start, each with its line, its path and the nearest name",
        arguments: [
            ("objects:\n  partner: {}", "line 3: imports.objects.partner is no object; did you mean partners?"),
            (
                "objects:\n  leads:\n    fields:\n      - name: a\n        type: emial",
                "line 6: imports.objects.leads.fields[0].type \"emial\" is not known; did you mean email? there are: "
            ),
            (
                "objects:\n  leads:\n    fields:\n      - name: a\n      - naem: b",
                "line 6: imports.objects.leads.fields[1].naem there is no member \"naem\"; did you mean name?"
            ),
            ("objects:\n  leads:\n    feilds: []", "imports.objects.leads.feilds there is no member \"feilds\""),
            ("objects:\n  leads:\n    fields: [{type: email}]", "line 4: imports.objects.leads.fields[0] lacks name"),
            (
                "objects:\n  leads:\n    fields: [{name: a, max_length: many}]",
                "imports.objects.leads.fields[0].max_length must be a whole number"
            ),
            ("objects:\n  leads:\n    fields: some", "imports.objects.leads.fields must be a list"),
            (
                "objects:\n  rewards:\n    rules: [{rule: exactly_one_of, fields: [body, bodi]}]",
                "line 3: imports.objects.rewards a rule names the field bodi, which does not exist; did you mean body?"
            ),
            ("objects:\n  rewards:\n    rules: [{rule: one_of}]", "\"one_of\" is not known"),
            ("objects:\n  customers:\n    groups: {a: {}}", "customers are imported without a group"),
            ("objects: none", "line 2: imports.objects is no group of objects"),
        ])
    func mistakes(yaml: String, said: String) throws {
        let refused = #expect(throws: SettingsRefused.self) {
            _ = try catalog("imports:\n" + yaml.split(separator: "\n").map { "  \($0)" }.joined(separator: "\n"))
        }
        let words = refused?.mistakes.map(\.description) ?? []
        #expect(words.count == 1)
        #expect(words.first?.contains(said) == true, "\(words)")
    }
}
