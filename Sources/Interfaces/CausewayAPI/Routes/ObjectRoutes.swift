import CausewayCore
import Hummingbird
import Imports

/// `/v1/objects`: what can be imported, and by which columns and rules. Any key may look.
struct ObjectRoutes {
    let catalog: ObjectCatalog

    func add(to routes: Routes) {
        routes.get("/v1/objects", nil, list)
        routes.get("/v1/objects/{object}", nil, show)
    }

    @Sendable private func list(_ request: Request, _ context: APIContext) async throws -> Response {
        let objects = try catalog.schemas.map { try JSONValue(parsing: JSONText.encode($0)) }
        return Answer.json(["data": .array(objects), "next_cursor": .null])
    }

    @Sendable private func show(_ request: Request, _ context: APIContext) async throws -> Response {
        let name = try context.parameters.require("object")
        guard let object = ImportObject(rawValue: name) else { throw Problem.noSuchObject(name) }
        return Answer.resource(try JSONValue(parsing: JSONText.encode(catalog[object])), for: request)
    }
}
