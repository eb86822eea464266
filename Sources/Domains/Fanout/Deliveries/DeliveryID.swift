public import CausewayCore

public enum DeliveryKind: IdentifierKind { public static let prefix = "dlv" }
public typealias DeliveryID = Identifier<DeliveryKind>

/// A delivery's key in the store: the event's place in the log and the subscription's number in one, so that a
/// second delivery of the same event to the same subscription cannot be, and the newest has the highest.
///
/// Room for 16 million subscriptions ever made, and 500 billion events.
struct DeliveryNumber: Hashable, Sendable {
    static let subscriptions: Int64 = 1 << 24

    let value: Int64

    init(_ value: Int64) { self.value = value }

    /// The public id: the number spread over 128 bits by two odd factors. It can be computed back, so the store
    /// keeps no second key, and a mistyped id is noticed without asking the store.
    var id: DeliveryID {
        let number = UInt64(bitPattern: value)
        return DeliveryID(high: number &* Self.high, low: number &* Self.low)
    }

    init?(_ id: DeliveryID) {
        guard let bits = id.bits else { return nil }
        let number = bits.high &* Self.highInverse
        guard number <= UInt64(Int64.max), number &* Self.low == bits.low else { return nil }
        value = Int64(number)
    }

    private static let high: UInt64 = 0x9E37_79B9_7F4A_7C15
    private static let low: UInt64 = 0xD1B5_4A32_D192_ED03
    /// By Newton: each step doubles the number of right bits.
    private static let highInverse: UInt64 = (0..<6).reduce(high) { inverse, _ in inverse &* (2 &- high &* inverse) }
}
