import CausewayCore
import CausewayServer
import Foundation
import Storage
import Support
import Testing

@Suite("Every store, on every engine", .onEveryEngine)
struct ConformanceTests {
    private static let tables: [String] = Schema.migrator.migrations.flatMap(\.statements).compactMap { statement in
        statement.text(placeholder: "?").firstMatch(of: /CREATE TABLE (\w+)/).map { String($0.1) }
    }

    /// Each on a database of its own.
    private func run(_ cases: [StoreCase]) async throws -> RecordedStatements {
        let statements = RecordedStatements()
        for store in cases {
            let engine = RecordingEngine(try await TestDatabase().engine, statements)
            try await Schema.prepare(engine, at: StoreCase.start)
            try await store.run(engine)
        }
        return statements
    }

    @Test("keeps what it is told and finds it again", arguments: StoreCase.all)
    func cases(_ store: StoreCase) async throws { _ = try await run([store]) }

    @Test("is taken through all its statements: none in Sources that no case runs")
    func coverage() async throws {
        let said = try await run(StoreCase.all).all.map { SourceStatement.plain($0.text) }
        let statements = try SourceStatement.all()
        #expect(statements.count > 80)
        let missing: [SourceStatement] = statements.filter { statement in
            !said.contains { statement.isFound(in: $0) } && !KnownStatements.isOfAnotherEngine(statement)
        }
        for statement in missing {
            Issue.record("\(statement.file) says, and no StoreCase makes it: \(statement.parts)")
        }
    }

    @Test("uses every table of the schema", .only(on: .postgres))
    func everyTable() async throws {
        let said = try await run(StoreCase.all).all.map(\.text).joined(separator: "\n")
        #expect(Self.tables.count > 20)
        for table in Self.tables {
            #expect(said.contains(try Regex("(FROM|INTO|UPDATE|JOIN) \(table)\\b")), "\(table)")
        }
    }

    @Test("finds rows by index: no statement reads a table whole or sorts what an index has in order")
    func plans() async throws {
        let said = try await run(StoreCase.all).all
        for (text, plan) in said {
            let flaws = plan.flaws.filter { flaw in
                if case .reads(let table) = flaw, !Self.tables.contains(table) { return false }
                return !KnownStatements.isMeant(flaw, in: text)
            }
            #expect(flaws.isEmpty, "\(text)\n\(plan.lines.joined(separator: "\n"))")
        }
    }
}
