import CausewayCore
import HTTPTypes
import Hummingbird
import Imports
import NIOCore

/// `/v1/objects`: what can be imported, and by which columns and rules. Any key may look.
struct ObjectRoutes {
    let catalog: ObjectCatalog

    func add(to routes: Routes) {
        routes.get("/v1/objects", nil, list)
        routes.get("/v1/objects/{object}", nil, readsQuery: true, show)
        routes.get("/v1/objects/{object}/template.csv", nil, readsQuery: true, template)
        routes.get("/v1/objects/{object}/schema.json", nil, readsQuery: true, tableSchema)
    }

    @Sendable private func list(_ request: Request, _ context: APIContext) async throws -> Response {
        let objects = try catalog.schemas.map { try JSONValue(parsing: JSONText.encode($0)) }
        return Answer.json(["data": .array(objects), "next_cursor": .null])
    }

    @Sendable private func show(_ request: Request, _ context: APIContext) async throws -> Response {
        let (schema, group) = try wanted(request, context)
        if Negotiation.mediaType(request, ["application/json", "text/markdown"]) == "text/markdown" {
            return text(ObjectPage(schema, group: group).markdown, "text/markdown; charset=utf-8")
        }
        return Answer.resource(try JSONValue(parsing: JSONText.encode(schema)), for: request)
    }

    @Sendable private func template(_ request: Request, _ context: APIContext) async throws -> Response {
        let (schema, _) = try wanted(request, context)
        return text(schema.template, "text/csv; charset=utf-8", name: "\(schema.object.rawValue).csv")
    }

    @Sendable private func tableSchema(_ request: Request, _ context: APIContext) async throws -> Response {
        let (schema, _) = try wanted(request, context)
        return Answer.resource(schema.tableSchema, for: request)
    }

    private func wanted(_ request: Request, _ context: APIContext) throws -> (ObjectSchema, group: String?) {
        let name = try context.parameters.require("object")
        guard let object = ImportObject(rawValue: name) else { throw Problem.noSuchObject(name) }
        var query = QueryParameters(request)
        let group = query.one("group")
        if group != nil, !catalog[object].needsGroup {
            query.refuse("group", "not_taken", "\(name) are imported without a group.")
        }
        try query.finish()
        return (catalog.schema(object, group: group), group)
    }

    private func text(_ text: String, _ type: String, name: String? = nil) -> Response {
        var headers: HTTPFields = [
            .contentType: type, .xContentTypeOptions: "nosniff", .cacheControl: "private, no-cache",
        ]
        if let name { headers[.contentDisposition] = ContentDisposition.attachment(name) }
        return Response(status: .ok, headers: headers, body: .init(byteBuffer: ByteBuffer(string: text)))
    }
}
