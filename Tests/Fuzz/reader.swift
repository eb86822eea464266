import CSV

/// The fast reader, fed in parts, against the plain one.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzReader(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    guard let input = unsafe FuzzInput(data, size) else { return 0 }
    var limits = CSVLimits()
    if input.choice(0, of: 2) == 1 {
        limits.header = 24
        limits.record = 40
        limits.cell = 12
        limits.columns = 4
        limits.lines = 3
    }
    let delimiter = CSVDelimiter.allCases[input.choice(1, of: 4)]
    let expected = PlainReader.read(input.file, delimiter: delimiter, limits: limits)
    var reader = CSVReader(delimiter: delimiter, limits: limits)
    var reading = Reading()
    func take(_ record: CSVRecord, _ bytes: RawSpan, _ cells: Span<CSVCell>) {
        reading.records.append(ReadRecord(record, bytes, cells))
    }
    for part in input.parts(of: input.choice(2, of: 255) + 1) { try? unsafe reader.feed(part.span.bytes, take) }
    try? reader.finish(take)
    reading.failure = reader.failure?.summary
    reading.lineEnds = reader.dialect.lineEnds.rawValue
    if reading != expected { differ("read differently", reading, expected) }
    return 0
}
