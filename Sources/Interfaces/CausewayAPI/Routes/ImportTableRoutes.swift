import Access
import CausewayCore
import HTTPTypes
import Hummingbird
import Imports
import NIOCore

/// What is wrong with an import, and its refused rows, as CSV to be saved.
struct ImportTableRoutes {
    let imports: ImportDomain

    func add(to routes: Routes) {
        routes.get("/v1/imports/{id}/errors.csv", .importsRead, readsQuery: true, errors)
        routes.get("/v1/imports/{id}/rejected.csv", .importsRead, readsQuery: true, rejected)
    }

    @Sendable private func errors(_ request: Request, _ context: APIContext) async throws -> Response {
        let id = try context.importID()
        var query = QueryParameters(request)
        let isForExcel = query.isForExcel()
        try query.finish()
        let found = try await Problem.translating { try await imports.operations.find(id) }
        var headers = Self.headers("\(found.baseName)-errors.csv", isForExcel)
        headers[.errorsTotal] = String(found.problems.total)
        headers[.errorsStored] = String(found.problems.stored)
        let table = ProblemTable(isForExcel: isForExcel)
        return Response(
            status: .ok, headers: headers,
            body: ResponseBody { [imports] writer in
                var bytes: [UInt8] = []
                table.appendHeader(to: &bytes)
                var page = PageRequest(limit: PageRequest.limits.upperBound)
                repeat {
                    let found = try await imports.operations.problems(of: id, page)
                    for problem in found.elements { table.append(problem, to: &bytes) }
                    try await writer.write(ByteBuffer(bytes: bytes))
                    bytes.removeAll(keepingCapacity: true)
                    page.after = found.next
                } while page.after != nil
                table.appendRest(total: found.problems.total, stored: found.problems.stored, to: &bytes)
                if !bytes.isEmpty { try await writer.write(ByteBuffer(bytes: bytes)) }
                try await writer.finish(nil)
            })
    }

    @Sendable private func rejected(_ request: Request, _ context: APIContext) async throws -> Response {
        let id = try context.importID()
        var query = QueryParameters(request)
        let isAnnotated = query.flag("annotate") ?? false
        let isForExcel = query.isForExcel()
        try query.finish()
        let found = try await Problem.translating { try await imports.operations.find(id) }
        let form = RejectedForm(isAnnotated: isAnnotated, isForExcel: isForExcel)
        let content = try await Problem.translating { try await imports.operations.rejectedRows(of: id, as: form) }
        var headers = Self.headers("\(found.baseName)-rejected.csv", isForExcel)
        if form.isVerbatim { headers[.contentType] = "text/csv; charset=\(found.file.encoding)" }
        return Response(
            status: .ok, headers: headers,
            body: ResponseBody { writer in
                for try await bytes in content.chunks() { try await writer.write(ByteBuffer(bytes: bytes)) }
                try await writer.finish(nil)
            })
    }

    private static func headers(_ name: String, _ isForExcel: Bool) -> HTTPFields {
        var headers: HTTPFields = [
            .contentType: "text/csv; charset=utf-8", .contentDisposition: ContentDisposition.attachment(name),
            .xContentTypeOptions: "nosniff", .cacheControl: "private, no-store",
        ]
        if isForExcel { headers[.formulas] = "escaped with an apostrophe" }
        return headers
    }
}

extension QueryParameters {
    /// `excel=safe`
    fileprivate mutating func isForExcel() -> Bool { one("excel", oneOf: ["safe"]) != nil }
}

extension Import {
    /// Its file's name without the extension.
    fileprivate var baseName: String {
        let name = filename ?? object.rawValue
        return name.lowercased().hasSuffix(".csv") ? String(name.dropLast(4)) : name
    }
}

extension HTTPField.Name {
    static let errorsTotal = Self(known: "Errors-Total")
    static let errorsStored = Self(known: "Errors-Stored")
    /// Says that cells were changed.
    static let formulas = Self(known: "Formulas")

    private init(known name: String) {
        guard let field = HTTPField.Name(name) else { preconditionFailure("\(name) is no field name") }
        self = field
    }
}
