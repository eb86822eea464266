extension DeliveryPlaces.Room {
    /// What each of the lanes whose turn it is may take.
    struct Division {
        /// In the lanes' order.
        var shares: [Int]
        /// For which there is no place here until an attempt has ended: they are looked at with those that do find one,
        /// and must not stand in their way.
        var crowded: Set<Int64> = []
        /// For which nothing was left.
        var waiting: Set<Int64> = []
    }

    /// Where as many lanes of a queue wait as were looked at, each gets few: no few of them fill the places with their
    /// backlog.
    func divided(among lanes: [Lane], looked: DeliveryLanes.Looked, turn: Int) -> Division {
        var division = Division(shares: lanes.map { _ in 0 })
        var left = self
        let kinds = lanes.map { kind(of: $0.subscription) }
        func deal(_ places: Int, _ kind: DeliveryPlaces.Kind, among wishes: [(index: Int, free: Int)]) {
            for (wish, share) in zip(wishes, LaneShares.divide(places, among: wishes.map(\.free))) {
                division.shares[wish.index] += share
                left.take(share, kind)
            }
        }
        for kind in DeliveryPlaces.Kind.allCases {
            let chosen = lanes.indices.filter { kinds[$0] == kind }
            let bound = chosen.count >= looked[kind.standing] ?? .max ? turn : Int.max
            if kind == .answering {
                deal(left[kind], kind, among: chosen.filter { lanes[$0].isIdle }.map { ($0, min(1, lanes[$0].free)) })
                let rest = chosen.map { ($0, min(lanes[$0].free, bound) - division.shares[$0]) }
                deal(max(0, left[kind] - reserved), kind, among: rest)
            } else {
                deal(left[kind], kind, among: chosen.map { ($0, min(lanes[$0].free, bound)) })
            }
        }
        for index in lanes.indices where division.shares[index] == 0 && lanes[index].free > 0 {
            if kinds[index] == .slow || kinds[index] == .answering && !lanes[index].isIdle {
                division.crowded.insert(lanes[index].number)
            } else {
                division.waiting.insert(lanes[index].number)
            }
        }
        return division
    }
}
