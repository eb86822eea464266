import HTTPTypes
import Hummingbird

/// What a caller would rather have (RFC 9110, sections 12.4 and 12.5).
enum Negotiation {
    /// The one of `offered` that `Accept` prefers: by its weight, then as the more precise, then in the caller's order.
    /// Without the header, or where nothing tells them apart, the first. Nil where none is accepted.
    static func mediaType(_ request: Request, _ offered: [String]) -> String? {
        let ranges = weighted(request.headers[values: .accept])
        guard !ranges.isEmpty else { return offered.first }
        var best: (type: String, rank: [Double])?
        for (place, type) in offered.enumerated() {
            let matching = ranges.enumerated().filter { precision($0.element.name, type) != nil }
            // The most precise range speaks for the type, also where another would give it more weight.
            guard
                let range = matching.max(by: { left, right in
                    (precision(left.element.name, type) ?? 0, -left.offset)
                        < (precision(right.element.name, type) ?? 0, -right.offset)
                }), range.element.weight > 0
            else { continue }
            let rank = [
                range.element.weight, Double(precision(range.element.name, type) ?? 0), -Double(range.offset),
                -Double(place),
            ]
            if best.map({ $0.rank.lexicographicallyPrecedes(rank) }) ?? true { best = (type, rank) }
        }
        return best?.type
    }

    /// Whether a caller would rather read text than JSON.
    static func prefersText(_ request: Request) -> Bool {
        mediaType(request, ["application/json", "text/plain"]) == "text/plain"
    }

    static func acceptsGzip(_ request: Request) -> Bool {
        let codings = weighted(request.headers[values: .acceptEncoding])
        let named = codings.first { $0.name == "gzip" || $0.name == "x-gzip" } ?? codings.first { $0.name == "*" }
        return (named?.weight ?? 0) > 0
    }

    private static func weighted(_ fields: [String]) -> [(name: String, weight: Double)] {
        fields.joined(separator: ",").split(separator: ",").prefix(100).compactMap { element in
            let parts = element.split(separator: ";").map { $0.filter { !$0.isWhitespace }.lowercased() }
            guard let name = parts.first, !name.isEmpty else { return nil }
            let weight = parts.dropFirst().first { $0.hasPrefix("q=") }.map { Double($0.dropFirst(2)) ?? 0 }
            return (name, min(1, max(0, weight ?? 1)))
        }
    }

    /// How precisely a range names a type, 2 to 0; nil where it does not.
    private static func precision(_ range: String, _ type: String) -> Int? {
        if range == type { return 2 }
        if range.hasSuffix("/*"), type.hasPrefix(range.dropLast()) { return 1 }
        return range == "*/*" ? 0 : nil
    }
}
