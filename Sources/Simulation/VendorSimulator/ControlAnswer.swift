import CausewayCore
import Hummingbird

/// What the control surface says: plain JSON, no envelope, so that nobody takes it for the vendor.
enum ControlAnswer {
    static func json(_ value: JSONValue, status: Int = 200) -> Response {
        .text(value.text + "\n", status: status, type: "application/json")
    }

    /// `{"error":…}`
    static func refusal(_ status: Int, _ words: String) -> Response {
        json(["error": .string(words)], status: status)
    }

    static func list(_ items: [JSONValue], status: Int = 200) -> Response {
        json(["data": .array(items)], status: status)
    }
}

/// How a look at the state waits: `wait` (seconds, at most 60) until at least `count` (default 1) things are there.
struct ControlWait {
    let patience: Duration
    let count: Int

    init(_ query: Parameters) {
        self.patience = .milliseconds(Int64(min(60, query["wait"].flatMap { Double($0) } ?? 0) * 1000))
        self.count = query["count"].flatMap { Int($0) } ?? (query["wait"] == nil ? 0 : 1)
    }
}
