import Access
import CausewayAPI
import CausewayCore
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import HummingbirdTesting
import NIOCore
import Storage
import Support

/// The whole interface over a real SQLite, asked without sockets.
struct APIFixture {
    let database: TestDatabase
    let time = ManualTimeSource()
    let app: Application<RouterResponder<APIContext>>
    let table: RouteTable
    static let adminKey = "set-up-key"

    init() async throws {
        database = try await TestDatabase(AccessMigrations.all)
        let api = CausewayAPI(
            .init(
                engine: database.engine, time: time, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
                keys: KeyOperations(engine: database.engine, time: time, adminKey: Secret(Self.adminKey)),
                unreadiness: { nil }))
        table = api.table
        app = Application(responder: api.router.buildResponder())
    }

    /// Asks and returns status, headers and body.
    func ask(
        _ method: HTTPRequest.Method, _ uri: String, key: String? = adminKey, headers: HTTPFields = [:],
        body: String? = nil
    ) async throws -> TestAnswer {
        var headers = headers
        if let key { headers[.authorization] = "Bearer \(key)" }
        if body != nil, headers[.contentType] == nil { headers[.contentType] = "application/json" }
        let asked = headers
        return try await app.test(.router) { client in
            try await client.execute(uri: uri, method: method, headers: asked, body: body.map(ByteBuffer.init(string:)))
            {
                TestAnswer(status: $0.status, headers: $0.headers, text: String(buffer: $0.body))
            }
        }
    }
}

struct TestAnswer {
    let status: HTTPResponse.Status
    let headers: HTTPFields
    let text: String

    var json: JSONValue { (try? JSONValue(parsing: text)) ?? .null }
}
