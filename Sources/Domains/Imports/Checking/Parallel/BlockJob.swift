import CSV
import Dispatch
import Synchronization

/// Some of a file's bytes, checked by whoever has time, as if a record began with the first of them.
final class BlockJob: Sendable {
    /// The reader comes along: where no record ends with the block, it reads on in the next.
    struct Outcome: ~Copyable, Sendable {
        var findings: BlockFindings
        var reader: CSVReader
        /// The file ends with it.
        var isFinished = false

        mutating func feed(_ bytes: [UInt8]) {
            var findings = self.findings
            // What the closure does not throw, the reader does not either.
            try? unsafe reader.feed(bytes.span.bytes) { record, bytes, cells in findings.take(record, bytes, cells) }
            self.findings = findings
        }

        mutating func finish() {
            isFinished = true
            var findings = self.findings
            try? reader.finish { record, bytes, cells in findings.take(record, bytes, cells) }
            self.findings = findings
        }
    }

    let bytes: [UInt8]
    private let findings: BlockFindings
    private let delimiter: CSVDelimiter
    private let outcome = Mutex<Outcome?>(nil)
    private let done = DispatchSemaphore(value: 0)

    /// - Parameter findings: of no row yet.
    init(_ bytes: [UInt8], _ findings: BlockFindings, delimiter: CSVDelimiter) {
        self.bytes = bytes
        self.findings = findings
        self.delimiter = delimiter
    }

    func run() {
        var result = Outcome(findings: findings, reader: CSVReader(behindHeaderWith: delimiter))
        result.feed(bytes)
        var filled: Outcome? = .some(result)
        outcome.withLock { swap(&$0, &filled) }
        done.signal()
    }

    var isDone: Bool { outcome.withLock { $0 != nil } }

    /// Waits until it has been run. To be called once.
    func take() -> Outcome {
        done.wait()
        guard let result = outcome.withLock({ $0.take() }) else { preconditionFailure("taken twice") }
        return result
    }
}
