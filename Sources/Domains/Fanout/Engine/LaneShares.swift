/// Divides the free places of this process among the subscriptions whose turn it is.
enum LaneShares {
    /// As evenly as their own limits allow: what one cannot use goes to the others.
    /// - Parameter free: how many more each may have under way.
    static func divide(_ places: Int, among free: [Int]) -> [Int] {
        var shares = free.map { _ in 0 }
        var left = places
        for (position, index) in free.indices.sorted(by: { free[$0] < free[$1] }).enumerated() {
            let others = free.count - position
            // Rounded up, so that fewer places than lanes still go to somebody.
            shares[index] = max(0, min(free[index], (left + others - 1) / others, left))
            left -= shares[index]
        }
        return shares
    }
}
