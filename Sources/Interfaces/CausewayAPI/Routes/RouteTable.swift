public import Access
public import HTTPTypes
import CausewayCore
import Foundation
import Hummingbird
import Synchronization

/// Every route with its method, template and scope, in one place: it answers 405 with the right `Allow`, and is what
/// `openapi/causeway.yaml` is held against.
public final class RouteTable: Sendable {
    public struct Entry: Sendable, Hashable {
        public let method: HTTPRequest.Method
        /// `/v1/exports/{id}`
        public let template: String
        /// Nil where the route needs no key, or decides itself.
        public let scope: Scope?
    }

    private let table = Mutex<[Entry]>([])

    public var entries: [Entry] { table.withLock { $0 } }

    func add(_ entry: Entry) { table.withLock { $0.append(entry) } }

    /// The methods under which a path is served, in alphabetical order.
    func methods(for path: String) -> [HTTPRequest.Method] {
        let parts = path.split(separator: "/")
        var methods = Set(
            entries.filter { Self.matches($0.template.split(separator: "/"), parts) }.map(\.method))
        // The router answers HEAD wherever it answers GET.
        if methods.contains(.get) { methods.insert(.head) }
        return methods.sorted { $0.rawValue < $1.rawValue }
    }

    private static func matches(_ template: [Substring], _ path: [Substring]) -> Bool {
        template.count == path.count
            && zip(template, path).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
    }
}

/// Where routes are added, for one kind of access.
struct Routes {
    typealias Handler = @Sendable (Request, APIContext) async throws -> Response

    let table: RouteTable
    let router: any RouterMethods<APIContext>

    /// False for what must take whatever a peer appends, as the vendor's way in must.
    var refusesUnknownParameters = true

    /// - Parameter readsQuery: where the handler reads no query parameters, any is refused here.
    func on(
        _ method: HTTPRequest.Method, _ template: String, _ scope: Scope?, readsQuery: Bool,
        _ handler: @escaping Handler
    ) {
        table.add(.init(method: method, template: template, scope: scope))
        let refusesQuery = refusesUnknownParameters && !readsQuery
        router.on(RouterPath(template), method: method) { request, context in
            if let scope { try context.require(scope) }
            // Nothing has such a name, and no store need be asked.
            if request.uri.path.removingPercentEncoding?.holdsNUL == true {
                throw Problem(.notFound, code: "not_found", detail: "Nothing here has U+0000 in its name.")
            }
            if refusesQuery {
                var query = QueryParameters(request)
                try query.finish()
            }
            return try await handler(request, context)
        }
    }

    func get(
        _ template: String, _ scope: Scope? = nil, readsQuery: Bool = false, _ handler: @escaping Handler
    ) {
        on(.get, template, scope, readsQuery: readsQuery, handler)
    }

    func post(
        _ template: String, _ scope: Scope? = nil, readsQuery: Bool = false, _ handler: @escaping Handler
    ) {
        on(.post, template, scope, readsQuery: readsQuery, handler)
    }

    func put(
        _ template: String, _ scope: Scope? = nil, readsQuery: Bool = false, _ handler: @escaping Handler
    ) {
        on(.put, template, scope, readsQuery: readsQuery, handler)
    }

    func patch(
        _ template: String, _ scope: Scope? = nil, readsQuery: Bool = false, _ handler: @escaping Handler
    ) {
        on(.patch, template, scope, readsQuery: readsQuery, handler)
    }

    func delete(
        _ template: String, _ scope: Scope? = nil, readsQuery: Bool = false, _ handler: @escaping Handler
    ) {
        on(.delete, template, scope, readsQuery: readsQuery, handler)
    }
}
