/// Lets the reports of much that is under way gather for some milliseconds, so that they share a round. Who runs alone
/// is never delayed.
///
/// It takes real time, not the injected one, since it decides nothing but how many share a transaction.
public struct Gathering: Sendable {
    /// With fewer still under way, what is there goes at once.
    public var crowd = 32
    /// Enough for a round.
    public var plenty = 512
    public var patience = Duration.milliseconds(20)
    /// What has been under way for longer is not expected to end soon.
    public var long = Duration.seconds(1)

    public init() {}

    /// - Parameter count: how many reports there are, and how many runs are under way besides that have not been for
    ///   long: those that hang are not waited for.
    func wait(_ count: @Sendable () -> (reports: Int, underWay: Int)) async {
        let end = ContinuousClock.now + patience
        var before = 0
        while !Task.isCancelled {
            let (reports, underWay) = count()
            guard reports > 0, reports < plenty, underWay >= crowd, ContinuousClock.now < end else { return }
            // Runs that are about to end need a turn; others need time, unless half of all have ended.
            if reports > before {
                await Task.yield()
            } else if reports < underWay {
                try? await Task.sleep(for: .milliseconds(1))
            } else {
                return
            }
            before = reports
        }
    }
}
