import Foundation
import Testing

/// The long profile of `make soak`; `make test` runs the short one.
enum Soak {
    static let isOn = ProcessInfo.processInfo.environment["CAUSEWAY_SOAK"] == "1"
}

extension Trait where Self == ConditionTrait {
    static var soak: Self { .enabled(if: Soak.isOn, "make soak runs it") }
}
