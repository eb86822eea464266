import CausewayCore
import Foundation
import Support
import Testing

@testable import Imports

@Suite("Approval of an import", .onEveryEngine)
struct ApprovalTests {
    private static let rewards = "partner_key,amount_in_cents,amount_in_dollars,body,currency\n"

    @Test("shows what the rows come to, by currency, whatever way it is written; rows left out do not count")
    func amounts() async throws {
        try await ImportWorld.with { world async throws in
            let csv =
                Self.rewards + """
                    p,100,,b,USD
                    p,,0.5,b,USD
                    p,,-10.05,b,EUR
                    p,,"7",b,
                    p,x,,b,USD
                    p,50000000000,,b,JPY
                    p,1,,b,USD

                    """
            let new = try await world.upload(csv, .rewards) {
                $0.mode = .validRows
                $0.needsApproval = true
            }
            #expect(
                new.json["amounts"] == [
                    ["currency": "EUR", "rows": 1, "sum": "-10.05", "gross": "10.05"],
                    ["currency": "JPY", "rows": 1, "sum": "500000000.00", "gross": "500000000.00"],
                    ["currency": "USD", "rows": 3, "sum": "1.51", "gross": "1.51"],
                    ["currency": .null, "rows": 1, "sum": "7.00", "gross": "7.00"],
                ])
            #expect(new.json["approval"]?["reasons"] == ["request"])
            #expect(try await world.domain.operations.find(new.id).amounts == new.amounts)
            let customers = try await world.upload()
            #expect(customers.json["amounts"] == [] && customers.json["approval"] == .null)
        }
    }

    @Test("adds up the largest numbers, and counts whole cents where a column of these has decimals")
    func largest() throws {
        func total(_ field: String, _ cell: String) throws -> Int128? {
            let change = try JSONDecoder().decode(ObjectExtension.self, from: Data("{\"fields\":[\(field)]}".utf8))
            let schema = try change.applied(to: ObjectCatalog.builtIn[.rewards])
            var check = ImportCheck(schema: schema, chunkRows: 10)
            try check.feed(Array("partner_key,amount_in_cents,fee,body\np,1,\(cell),b\np,1,,c\n".utf8)) { _ in }
            return try check.finish { _ in }.amounts.first?.sum
        }
        let whole = #"{"name": "fee", "type": "decimal", "max_decimals": 2, "money": "whole"}"#
        #expect(try total(whole, "999999999999999999.99") == 100_000_000_000_000_000_001)
        #expect(try total(whole, "-999999999999999999.99") == -99_999_999_999_999_999_997)
        let cents = #"{"name": "fee", "type": "decimal", "max_decimals": 2, "money": "cents"}"#
        #expect(try total(cents, "10.50") == 12)
        #expect(try total(cents, "10") == 12)
    }

    @Test("is asked for by object, by rows, by money: more than is set, and never less")
    func rules() async throws {
        try await ImportWorld.with { settings in
            settings.approval.objects = [.deals]
            settings.approval.rows = 2
            settings.approval.amounts = ApprovalAmounts(parsing: "USD:10,5")
        } _: { world async throws in
            func reasons(_ rows: String...) async throws -> JSONValue? {
                let new = try await world.upload(Self.rewards + rows.joined(separator: "\n"), .rewards)
                #expect(new.state == (new.approvalReasons.isEmpty ? .forwarding : .awaitingApproval))
                return new.json["approval"]?["reasons"]
            }
            #expect(try await reasons("p,1000,,b,USD") == nil)
            #expect(try await reasons("p,1001,,b,USD") == ["amount"])
            #expect(try await reasons("p,501,,b,USD", "p,-500,,b,USD") == ["amount"])
            #expect(try await reasons("p,500,,b,EUR", "p,500,,b,") == nil)
            #expect(try await reasons("p,501,,b,") == ["amount"])
            #expect(try await reasons("p,1,,b,", "p,2,,b,", "p,3,,b,") == ["rows"])
            let deal = "amount,close_date,external_key,stage\n1,2026-01-01,d1,s\n"
            let held = try await world.upload(deal, .deals) { $0.group = "g" }
            #expect(held.approvalReasons == [.object] && held.state == .awaitingApproval)
            let dry = try await world.upload(deal, .deals) {
                $0.group = "g"
                $0.mode = .dryRun
            }
            #expect(dry.state == .validated && dry.json["approval"]?["reasons"] == ["object"])
        }
    }

    @Test("held for too long is over: told, its file gone, not to be approved")
    func expired() async throws {
        try await ImportWorld.with { world async throws in
            let held = try await world.upload { $0.needsApproval = true }
            let sweep = ImportSweepWork(context: world.domain.context)
            try await sweep.sweep()
            #expect(try await world.domain.operations.find(held.id).state == .awaitingApproval)
            world.time.advance(by: .seconds(7 * 86_400))
            await #expect(throws: ImportOperationError.self) {
                try await world.domain.operations.approve(held.id, caller: "key_b")
            }
            try await sweep.sweep()
            let over = try await world.domain.operations.find(held.id)
            #expect(over.state == .cancelled && over.error?.code == "approval_expired")
            #expect(try world.fileNames() == [])
            #expect(try await world.events() == ["import.failed"])
        }
    }

    @Test("amounts that go without it are read as they are written", arguments: ["10", "USD:10,EUR:8", "USD:1, 2"])
    func goodAmounts(text: String) { #expect(ApprovalAmounts(parsing: text) != nil) }

    @Test(
        "and what is none is refused", arguments: ["", "x", "USD", "usd:1", "USD:1,USD:2", "1,2", "-1", "1.5", "ABC:1"])
    func badAmounts(text: String) { #expect(ApprovalAmounts(parsing: text) == nil) }

    @Test("sums hold any number of rows")
    func large() {
        #expect(AmountTotal.text(Int128(Int64.max) * 1000) == "92233720368547758070.00")
        #expect(AmountTotal.text(-5) == "-0.05")
    }
}
