import CausewayCore
import Hummingbird
import NIOCore

/// The importer: six paths, one form.
struct ImportRoutes {
    let account: Account
    let gate: VendorGate

    func add(to router: Router<SimulatorContext>) {
        for object in ImporterObject.allCases {
            router.post("/v1/import/\(object.rawValue)") { request, context in
                try await gate.serve("import.\(object.rawValue)", request, context) {
                    try await receive(object, request)
                }
            }
        }
    }

    private func receive(_ object: ImporterObject, _ request: Request) async throws -> VendorAnswer {
        guard let boundary = MultipartForm.boundary(of: request.headers[.contentType] ?? "") else {
            throw VendorRefusal(400, "Content-Type must be multipart/form-data")
        }
        let options = account.read(\.options)
        var body: [UInt8] = []
        body.reserveCapacity(request.headers[.contentLength].flatMap { Int($0) } ?? 0)
        for try await buffer in request.body {
            body.append(contentsOf: buffer.readableBytesView)
            guard body.count <= options.maxImportSize else { throw VendorRefusal(413, "File too large") }
        }
        guard let form = MultipartForm(body, boundary: boundary), let part = form["file"] else {
            throw VendorRefusal(400, "Missing required field: file")
        }
        let reading = account.change { state, now in
            (state.makeImportKey(), now)
        }
        let read = ImporterReading(
            key: reading.0, object: object, form: form, part: part, options: options, at: reading.1)
        let file = account.change { state, now in state.take(read.file, rows: read.rows, at: now) }
        if let refusal = file.refusal { throw VendorRefusal(400, "File could not be imported: \(refusal)") }
        return VendorAnswer(message: "File uploaded successfully and is being imported", status: 200)
    }
}
