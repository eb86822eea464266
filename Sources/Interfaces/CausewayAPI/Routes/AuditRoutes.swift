import Access
import CausewayCore
import Hummingbird
import Storage

/// `/v1/audit`
struct AuditRoutes {
    let engine: any StorageEngine

    func add(to routes: Routes) {
        routes.get("/v1/audit", .auditRead, readsQuery: true, list)
    }

    @Sendable private func list(_ request: Request, _ context: APIContext) async throws -> Response {
        var query = QueryParameters(request)
        let page = query.page { Identifier<AuditEntryKind>(parsing: $0) != nil }
        var filter = AuditLog.Filter()
        filter.callers = query.all("caller")
        filter.actions = query.all("action")
        filter.resources = query.all("resource")
        try query.finish()
        let entries = try await engine.read { [filter] in try AuditLog().list(filter, page: page, in: $0) }
        return Answer.list(entries, query.cursor, \.json)
    }
}
