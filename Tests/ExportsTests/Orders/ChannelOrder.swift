import CausewayCore
import Vendor

@testable import Exports

/// What can happen to an export whose trigger has gone out.
enum OrderStep: CaseIterable {
    /// The trigger's own answer; once at most.
    case answer
    /// A hint by the direct webhook, by the account's.
    case webhook, event
    /// The vendor is asked, whatever is the reason.
    case check
    /// The gateway dies and starts again.
    case restart
}

enum OrderAnswer: CaseIterable {
    case taken, lost, refused
}

/// What the vendor says each time it is asked; its last word over and over.
enum VendorWords: CaseIterable {
    case success, lateSuccess, failure, expired
    /// It goes back on its word.
    case successThenFailure, failureThenSuccess, successThenQueued, successThenExpired
    /// It answers once with an export that was not asked for.
    case otherKey

    func said(_ time: Int, key: String, report: String = "vrc_1", targetURL: String? = nil) -> VendorExport {
        let words = statuses
        let told = self == .otherKey && time == 1 ? key + "_other" : key
        let whole: JSONValue = [
            "key": .string(told), "status": .string(words[min(time, words.count - 1)]),
            "vendor_report_configuration_key": .string(report), "webhook_target_url": .optional(targetURL),
        ]
        guard let said = VendorExport(whole) else { preconditionFailure("no export") }
        return said
    }

    private var statuses: [String] {
        switch self {
        case .success: ["success"]
        case .lateSuccess, .otherKey: ["queued", "success"]
        case .failure: ["queued", "failure"]
        case .expired: ["expired"]
        case .successThenFailure: ["success", "failure"]
        case .failureThenSuccess: ["failure", "success"]
        case .successThenQueued: ["success", "queued", "success"]
        case .successThenExpired: ["success", "success", "expired"]
        }
    }
}

/// What an export must have come to by the words that were said of it: the first end holds.
struct OrderExpectation {
    private(set) var key: String?
    private(set) var status = ExportStatus.requested
    private(set) var events: [ExportEventType] = []
    private(set) var contradictions = 0
    var seenBy: [ExportChannel: Timestamp] = [:]

    mutating func answered(_ answer: OrderAnswer, key told: String) {
        switch answer {
        case .lost: break
        case .refused:
            guard key == nil, status == .requested else { return contradict() }
            end(.failure, .failed)
        case .taken:
            if let key, key != told { return contradict() }
            guard key != nil || status == .requested else { return contradict() }
            tie(told)
        }
    }

    mutating func said(_ said: VendorExport) {
        guard key == said.key || (key == nil && status == .requested) else { return contradict() }
        tie(said.key)
        switch (status, said.status) {
        case (.queued, .queued), (.success, .success), (.failure, .failure), (.expired, .expired): break
        case (.queued, .success): end(.success, .completed)
        case (.queued, .failure): end(.failure, .failed)
        case (.queued, .expired), (.success, .expired): end(.expired, .expired)
        default: contradict()
        }
    }

    private mutating func contradict() { contradictions += 1 }

    private mutating func tie(_ key: String) {
        self.key = key
        if status == .requested { status = .queued }
    }

    private mutating func end(_ status: ExportStatus, _ event: ExportEventType) {
        self.status = status
        events.append(event)
    }
}
