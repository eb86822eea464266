/// A place between two records of a file.
public struct CSVPosition: BitwiseCopyable, Sendable, Hashable {
    /// Of the next record; data rows count from 1.
    public var number: Int
    /// From 1.
    public var line: Int
    /// From the start of the file.
    public var byteOffset: Int

    public init(number: Int, line: Int, byteOffset: Int) {
        self.number = number
        self.line = line
        self.byteOffset = byteOffset
    }

    /// Where a reader begins that reads on behind a header.
    public static let behindHeader = CSVPosition(number: 1, line: 1, byteOffset: 0)

    /// What is here for a reader that began at `start`, within the file.
    public func moved(to start: CSVPosition) -> CSVPosition {
        CSVPosition(
            number: number + start.number - 1, line: line + start.line - 1, byteOffset: byteOffset + start.byteOffset)
    }
}

extension CSVRecord {
    /// The same record of a reader that began at `start`, with its places within the file.
    public func moved(to start: CSVPosition) -> CSVRecord {
        let place = CSVPosition(number: number, line: line, byteOffset: byteOffset).moved(to: start)
        return CSVRecord(
            number: place.number, line: place.line, byteOffset: place.byteOffset, byteCount: byteCount,
            cellCount: cellCount, hasNonASCII: hasNonASCII, problem: problem?.moved(to: start))
    }
}

extension CSVProblem {
    public func moved(to start: CSVPosition) -> CSVProblem {
        CSVProblem(
            code, line: line + start.line - 1, byteOffset: byteOffset + start.byteOffset, cell: cell, kind: kind)
    }
}
