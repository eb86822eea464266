public import CausewayCore
public import Logging
public import Storage
import Synchronization

/// Does leased work in rounds.
///
///         ┌────────────────── one transaction a round ─────────────────┐
///     wait│write down what came in · claim what there is room for      │──▶ runs, each in a task ──▶ reports ─┐
///      ▲  └────────────────────────────────────────────────────────────┘                                     │
///      └─────────────────────────── woken by a report, by a signal, by time ◀────────────────────────────────┘
///
/// While a round is being committed further reports gather, so rounds grow with the load by themselves.
///
/// Invariants: nothing runs that is not leased when it begins; of one id only one runs at a time; a lease is prolonged
/// until its report is written down; nothing more is claimed while reports cannot be written; after `stop` nothing is
/// claimed, and what is under way is let finish and written down.
public final class RoundLoop<Work: LeasedWork>: Sendable {
    public typealias Claim = Work.Claim
    public typealias Report = Work.Report

    private struct Held {
        let claim: Claim
        var leaseEnd: Timestamp
        let begun = ContinuousClock.now
        var report: Report?
    }

    private struct State {
        var isStopping = false
        var waker: SignalSubscription?
        var lastRound: Timestamp?
        var lastTicket = 0
        /// All claims whose report is not written down, by a number of their own.
        var held: [Int: Held] = [:]
        /// Those that have ended, in that order.
        var ended: [Int] = []
        /// One of them can never be written down: they go one by one.
        var isCautious = false
        var running: Set<Claim.ID> = []
        /// Claimed again while an earlier run has not returned.
        var waiting: [Claim.ID: Int] = [:]
    }

    /// The weight of what is written down in one round at most, so that no round is long.
    private static var mostReports: Int { 512 }

    private let work: Work
    private let time: any TimeSource
    private let logger: Logger
    private let gathering: Gathering
    private let state = Mutex(State())

    public init(_ work: Work, time: any TimeSource, logger: Logger, gathering: Gathering = Gathering()) {
        self.work = work
        self.time = time
        self.logger = logger
        self.gathering = gathering
    }

    /// When it last went round; nil before it runs. It goes round every two seconds at the latest.
    public var lastRound: Timestamp? { state.withLock(\.lastRound) }

    /// Claims nothing more; `run` returns when what is under way has ended and is written down.
    public func stop() {
        state.withLock { state in
            state.isStopping = true
            return state.waker
        }?.signal()
    }

    /// Until `stop` (what is under way finishes) or cancellation (it is cancelled and given back). Once only.
    public func run(wokenBy topics: [SignalTopic], of signals: SignalHub) async {
        await signals.withSubscription(to: topics) { waker in
            state.withLock { $0.waker = waker }
            let end = SignalSubscription()
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await self.beat(until: end) }
                await withDiscardingTaskGroup { runs in
                    while !Task.isCancelled, let wakeAt = await goRound(&runs, waker) {
                        if wakeAt > time.now() { _ = try? await waker.next(until: wakeAt, by: time) }
                    }
                }
                end.signal()
            }
        }
        // Only after a cancellation is there something left: runs that were cut off, and are now given back.
        state.withLock { state in
            state.isStopping = true
            state.isCautious = false
        }
        let (situation, tickets) = situation()
        if !tickets.ended.isEmpty { _ = await makeRound(situation, tickets) }
    }

    /// Returns when to go round again at the latest; nil at the end.
    private func goRound(_ runs: inout DiscardingTaskGroup, _ waker: SignalSubscription) async -> Timestamp? {
        await gathering.wait {
            let long = ContinuousClock.now - gathering.long
            return state.withLock { state in
                let underWay = state.held.count - state.ended.count
                guard !state.ended.isEmpty, underWay >= gathering.crowd else { return (state.ended.count, underWay) }
                return (state.ended.count, state.held.values.count { $0.report == nil && $0.begun > long })
            }
        }
        let (situation, tickets) = situation()
        if !situation.isClaiming, tickets.ended.isEmpty, situation.underWay.isEmpty { return nil }
        guard let round = await makeRound(situation, tickets) else { return time.now() + .seconds(1) }
        for (ticket, claim) in begin(round) {
            runs.addTask { await self.perform(ticket, claim, waker) }
        }
        let poll = time.now() + .seconds(2)
        // Others are left; while stopping, perhaps these were the last.
        let next = situation.isClaiming && tickets.isAll || tickets.ended.isEmpty ? round.nextDue : time.now()
        return next.map { min($0, poll) } ?? poll
    }

    /// Whose reports and late leases a situation holds, in its order.
    private struct Tickets {
        let ended: [Int]
        let late: [Int]
        /// Whether nothing else has ended.
        let isAll: Bool
    }

    private func situation() -> (RoundSituation<Claim, Report>, Tickets) {
        let soon = time.now() + Lease.late
        return state.withLock { state in
            if state.ended.isEmpty { state.isCautious = false }
            var weight = 0
            let tickets = Array(
                state.ended.prefix { ticket in
                    guard weight < (state.isCautious ? 1 : Self.mostReports) else { return false }
                    weight += state.held[ticket]?.report.map(work.weight) ?? 1
                    return true
                })
            state.ended.removeFirst(tickets.count)
            var underWay: [Claim] = []
            var late: [(ticket: Int, claim: Claim)] = []
            underWay.reserveCapacity(state.held.count)
            for (ticket, held) in state.held where held.report == nil {
                underWay.append(held.claim)
                if held.leaseEnd < soon { late.append((ticket, held.claim)) }
            }
            return (
                RoundSituation(
                    reports: tickets.compactMap { state.held[$0]?.report }, underWay: underWay,
                    late: late.map(\.claim), isClaiming: !state.isStopping && !state.isCautious),
                Tickets(ended: tickets, late: late.map(\.ticket), isAll: state.ended.isEmpty)
            )
        }
    }

    /// Nil where it failed; the reports are then kept for the next one.
    private func makeRound(_ situation: RoundSituation<Claim, Report>, _ tickets: Tickets) async -> Round<Claim>? {
        do {
            let round = try await work.round(situation)
            state.withLock { state in
                for ticket in tickets.ended { state.held[ticket] = nil }
                for place in round.prolonged { state.held[tickets.late[place]]?.leaseEnd = round.leaseEnd }
                state.lastRound = time.now()
            }
            return round
        } catch {
            keep(tickets.ended, after: error)
            return nil
        }
    }

    /// What can never be written must not keep all else from being written: from then on results go one by one, and the
    /// one that fails alone is given up. Its lease runs out.
    private func keep(_ tickets: [Int], after error: any Error) {
        let mayPass = (error as? StorageError)?.mayPass ?? true
        let isGivenUp = state.withLock { state in
            if !mayPass, state.isCautious, let ticket = tickets.first {
                state.held[ticket] = nil
                return true
            }
            state.ended = tickets + state.ended
            if !mayPass { state.isCautious = !state.ended.isEmpty }
            return false
        }
        logger.error(
            isGivenUp
                ? "a result cannot be written down and is given up"
                : "work could not be claimed or its results not be written down; trying again",
            metadata: ["results": "\(tickets.count)", "error": "\(error)"])
    }

    // MARK: Running

    private func begin(_ round: Round<Claim>) -> [(Int, Claim)] {
        state.withLock { state in
            round.claims.compactMap { claim in
                state.lastTicket += 1
                let ticket = state.lastTicket
                state.held[ticket] = Held(claim: claim, leaseEnd: round.leaseEnd)
                if state.running.insert(claim.id).inserted { return (ticket, claim) }
                // An earlier run has not returned: this one came back at once, or the lease was lost. It runs then.
                if let older = state.waiting.updateValue(ticket, forKey: claim.id) { state.held[older] = nil }
                return nil
            }
        }
    }

    private func perform(_ ticket: Int, _ claim: Claim, _ waker: SignalSubscription) async {
        var next: (Int, Claim)? = (ticket, claim)
        while let (ticket, claim) = next {
            let report = await isLeased(ticket) ? await work.perform(claim) : nil
            next = state.withLock { state in
                if let report {
                    state.held[ticket]?.report = report
                    state.ended.append(ticket)
                } else {
                    state.held[ticket] = nil
                }
                guard let waiting = state.waiting.removeValue(forKey: claim.id), let held = state.held[waiting] else {
                    state.running.remove(claim.id)
                    return nil
                }
                return (waiting, held.claim)
            }
            waker.signal()
        }
    }

    /// A process that was asleep since it claimed does not begin what others have by now.
    private func isLeased(_ ticket: Int) async -> Bool {
        guard let held = state.withLock({ $0.held[ticket] }) else { return false }
        if held.leaseEnd > time.now() { return true }
        return (try? await work.prolong([held.claim], isWaiting: true).held.count == 1) ?? false
    }

    // MARK: Heartbeat

    /// Apart from the rounds, which may have to wait for rows that others are changing.
    private func beat(until end: SignalSubscription) async {
        var pause = Lease.beat
        while let isOver = try? await end.next(until: time.now() + pause, by: time), !isOver {
            pause = Lease.beat
            let young = time.now() + Lease.young
            let due = state.withLock { $0.held.filter { $0.value.leaseEnd <= young }.map { ($0, $1.claim) } }
            guard !due.isEmpty else { continue }
            do {
                // What was passed over keeps its old end: the next one tries it again, and where it is over by then,
                // nothing is begun under it.
                let (leaseEnd, held) = try await work.prolong(due.map(\.1), isWaiting: false)
                state.withLock { state in
                    for place in held { state.held[due[place].0]?.leaseEnd = leaseEnd }
                }
            } catch {
                pause = .seconds(1)
                logger.error("a heartbeat failed", metadata: ["error": "\(error)"])
            }
        }
    }
}
