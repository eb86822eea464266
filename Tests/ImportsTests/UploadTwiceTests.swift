import CausewayCore
import Support
import Testing

@testable import Imports

@Suite("An upload in several requests that two believe to end", .onEveryEngine)
struct UploadTwiceTests {
    /// A lock that a file system lost, or a commit that comes true after its gateway has died.
    @Test("becomes one import, whoever of them was told of it, even where it is forced", arguments: [true, false])
    func once(isForced: Bool) async throws {
        try await ImportWorld.with { world async throws in
            let uploads = world.domain.uploads
            let bytes = Array("partner_key,amount_in_cents,body\np,1,b\n".utf8)
            var request = ImportRequest(object: .rewards, caller: "key_a")
            request.isForced = isForced
            let new = try await uploads.create(request, headers: [:], length: nil) { _, _ in }
            let first = try await uploads.hold(new.id, caller: "key_a")
            try await uploads.append(to: first, at: 0, length: nil, completes: true, onCheckpoint: nil) { write in
                try await write(bytes)
            }
            first.letGo()
            let second = try await uploads.hold(new.id, caller: "key_a")
            func complete(_ held: HeldUpload) async throws -> Import {
                try await uploads.complete(held, isPacked: true, recording: { _, _ in }, refusal: { .string("\($0)") })
                {
                    read, sink in try await read { try await sink.write($0) }
                }
            }
            let made = try await complete(second)
            #expect(try await complete(first).id == made.id)
            #expect(try await world.domain.operations.list(.init(limit: 10)).elements.map(\.id) == [made.id])
            #expect(try await uploads.hold(new.id, caller: "key_a").upload.refusal == nil)
        }
    }
}
