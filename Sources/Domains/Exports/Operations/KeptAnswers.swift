import CausewayCore
import Synchronization
import Vendor

/// Answers of the vendor kept in memory for a while: asked for once however many want them at once, given however old
/// where it does not answer, and then not asked for again for a pause.
final class KeptAnswers<Value: Sendable>: Sendable {
    typealias Answer = SavedReports.Answer<Value>

    private struct Entry {
        var answer: Answer?
        var failure: (error: VendorError, until: Timestamp)?
        var running: Task<Answer, any Error>?
    }

    private let maximum: Int
    private let age: Duration
    private let time: any TimeSource
    private let entries = Mutex<[String: Entry]>([:])

    /// - Parameters:
    ///   - maximum: how many keys are kept.
    ///   - age: how old an answer may be.
    init(maximum: Int, age: Duration, time: any TimeSource) {
        self.maximum = maximum
        self.age = age
        self.time = time
    }

    /// Throws `ExportOperationError.vendor`.
    func answer(_ key: String, asking ask: @escaping @Sendable () async throws -> Value) async throws -> Answer {
        switch try look(key, ask) {
        case .kept(let answer): answer
        case .running(let task): try await task.value
        }
    }

    private enum Look {
        case kept(Answer)
        case running(Task<Answer, any Error>)
    }

    private func look(_ key: String, _ ask: @escaping @Sendable () async throws -> Value) throws -> Look {
        let now = time.now()
        return try entries.withLock { entries in
            let entry = entries[key] ?? Entry()
            if let answer = entry.answer, now < answer.fetchedAt + age { return .kept(answer) }
            if let failure = entry.failure, now < failure.until {
                guard let answer = entry.answer else { throw ExportOperationError.vendor(failure.error) }
                return .kept(answer)
            }
            if let running = entry.running { return .running(running) }
            if entries[key] == nil, entries.count >= maximum { entries = entries.filter { $0.value.running != nil } }
            // Of nobody's: who asked first may go away, and the others wait for it.
            let task = Task { try await self.fetch(key, ask) }
            entries[key, default: entry].running = task
            return .running(task)
        }
    }

    private func fetch(_ key: String, _ ask: @Sendable () async throws -> Value) async throws -> Answer {
        do {
            let answer = Answer(value: try await ask(), fetchedAt: time.now())
            entries.withLock { $0[key] = Entry(answer: answer) }
            return answer
        } catch let error as VendorError {
            let kept = entries.withLock { entries -> Answer? in
                var entry = entries[key] ?? Entry()
                entry.running = nil
                entry.failure = (error, time.now() + SavedReports.pause)
                // What is not there is said by the vendor, and not for want of an answer.
                if error.cause == .notFound { entry.answer = nil }
                entries[key] = entry
                return entry.answer
            }
            guard let kept else { throw ExportOperationError.vendor(error) }
            return kept
        } catch {
            entries.withLock { $0[key]?.running = nil }
            throw error
        }
    }
}
