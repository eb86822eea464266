import CausewayCore
import HTTPTypes
import OutboundHTTP
import Support
import Testing
import Vendor
import VendorSimulator

@Suite("Export calls")
struct ExportCallTests {
    @Test("A trigger gives the vendor's key, and the status tells success with links to the files")
    func triggerToSuccess() async throws {
        try await VendorWorld.with(.quick { $0.files = 2 }) { world in
            let queued = try await world.client.triggerExport(.sample)
            #expect(queued.status == .queued)
            #expect(queued.key.hasPrefix("vrex_"))
            try await world.control(.get, "/simulator/exports/\(queued.key)?until=success&wait=60")
            let ended = try await world.client.export(queued.key)
            #expect(ended.status == .success)
            #expect(ended.report == "vrc_123456")
            #expect(ended.source == "api")
            #expect(ended.webhookTargetURL == ExportTrigger.sample.webhookTargetURL)
            #expect(ended.files.count == 2)
            #expect(ended.zipFile?.url != nil)
            #expect(ended.expiresAt.map { $0 > SystemTimeSource().now() } == true)
            #expect(ended.whole["target_key"] == "comp_123456")
        }
    }

    @Test("Each refusal of the vendor is an error that says what to do")
    func refusals() async throws {
        try await VendorWorld.with(.quick { $0.limitPerMember = 2 }) { world in
            func refusal(_ report: String, _ member: String) async -> VendorError? {
                await #expect(throws: VendorError.self) {
                    _ = try await world.client.triggerExport(
                        ExportTrigger(
                            report: report, memberEmail: member, webhookTargetURL: nil, showUnexpanded: false))
                }
            }
            let stranger = await refusal("vrc_123456", "stranger@example.com")
            #expect(stranger?.cause == .forbidden)
            #expect(stranger?.message == "Member email does not have access to this company")
            #expect(await refusal("vrc_999999", "ops@example.com")?.cause == .forbidden)
            #expect(await refusal("vrc_123456", "")?.cause == .refused)

            _ = try await world.client.triggerExport(.sample)
            let again = await refusal("vrc_123456", "ops@example.com")
            #expect(again?.cause == .limited(.reportAndMember))
            #expect(again?.action == .waitUntil(nil))
            _ = try await world.finishedExport("vrc_123457")
            #expect(await refusal("vrc_123458", "ops@example.com")?.cause == .limited(.member))

            let unknown = await #expect(throws: VendorError.self) { _ = try await world.client.export("vrex_none") }
            #expect(unknown?.cause == .notFound)
        }
    }

    @Test("Wrong keys are tried again later, and stand in no log line")
    func wrongKeys() async throws {
        try await VendorWorld.with(settings: {
            $0 = VendorSettings(baseURL: $0.baseURL, publicKey: "pk_test", secretKey: Secret("sk_wrong"))
        }) { world in
            let error = await #expect(throws: VendorError.self) { _ = try await world.client.export("vrex_1") }
            #expect(error?.cause == .unauthorized)
            #expect(error?.action == .retry(after: .seconds(300)))
            #expect(world.log.text.contains("error vendor call"))
            #expect(!world.log.text.contains("sk_wrong"))
        }
    }

    @Test(
        "A lost answer to a trigger is an unknown outcome, and the trigger went out once",
        arguments: [Fault.Kind.dropAnswer, .notJSON, .truncatedJSON, .cutAnswer, .noData])
    func lostAnswers(_ kind: Fault.Kind) async throws {
        try await VendorWorld.with(.quick { $0.faults = [Fault(kind, route: "trigger", count: 1)] }) { world in
            let error = await #expect(throws: VendorError.self) {
                _ = try await world.client.triggerExport(.sample)
            }
            let sent = try await world.requests("trigger")
            #expect(sent == 1)
            guard case .unknownOutcome = error?.action else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    @Test("A 5xx to a trigger leaves its outcome unknown; to a status call it is tried again")
    func serverFailures() async throws {
        var fault = Fault(.status)
        fault.status = 503
        fault.retryAfter = 7
        try await VendorWorld.with(.quick { $0.faults = [fault] }) { world in
            let trigger = await #expect(throws: VendorError.self) {
                _ = try await world.client.triggerExport(.sample)
            }
            #expect(trigger?.cause == .serverFailure)
            guard case .unknownOutcome("answer", _) = trigger?.action else {
                Issue.record("\(String(describing: trigger))")
                return
            }
            let status = await #expect(throws: VendorError.self) { _ = try await world.client.export("vrex_1") }
            guard case .retry(let after?) = status?.action else {
                Issue.record("\(String(describing: status))")
                return
            }
            #expect(after > .seconds(5) && after <= .seconds(7))
        }
    }

    @Test("A 429 for too many requests waits as long as the vendor says")
    func requestLimit() async throws {
        var fault = Fault(.rateLimited, count: 1)
        fault.retryAfter = 30
        try await VendorWorld.with(.quick { $0.faults = [fault] }) { world in
            let before = SystemTimeSource().now()
            let error = await #expect(throws: VendorError.self) {
                _ = try await world.client.triggerExport(.sample)
            }
            #expect(error?.cause == .limited(.requests))
            guard case .waitUntil(let until?) = error?.action else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(until >= before + .seconds(30) && until < before + .seconds(30) + patience)
        }
    }

    @Test("What never left this machine may be sent again")
    func unreachable() async throws {
        try await VendorWorld.with(settings: { $0.baseURL = "http://127.0.0.1:1" }) { world in
            let error = await #expect(throws: VendorError.self) {
                _ = try await world.client.triggerExport(.sample)
            }
            #expect(error?.cause == .noAnswer(stage: "connect"))
            #expect(error?.action == .retry(after: nil))
        }
    }
}
