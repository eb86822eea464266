@testable import Fanout

extension SubscriptionWatch {
    /// Disables nothing within a test.
    static let patient = SubscriptionWatch(
        rule: DisablingRule(after: .seconds(5 * 86_400)), probeInterval: .seconds(3600), enablesAgain: false)
}
