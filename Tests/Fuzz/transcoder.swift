import CSV

/// Files in every encoding, declared or found out, fed in parts, against a plain decoder and the plain reader; and
/// back again.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzTranscoder(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    guard let input = unsafe FuzzInput(data, size) else { return 0 }
    let charsets: [CSVCharset?] = [nil] + CSVCharset.allCases
    var reader = CSVFileReader(
        declared: charsets[input.choice(0, of: charsets.count)], isKnownHeader: { ["email", "name"].contains($0) })
    var reading = Reading()
    func take(_ record: CSVRecord, _ bytes: RawSpan, _ cells: Span<CSVCell>) {
        reading.records.append(ReadRecord(record, bytes, cells))
    }
    for part in input.parts(of: input.choice(1, of: 255) + 1) { try? unsafe reader.feed(part.span.bytes, take) }
    try? reader.finish(take)
    reading.failure = reader.failure?.summary
    reading.lineEnds = reader.dialect.lineEnds.rawValue
    // What is not decoded at all, and what stands before the header, is not for the plain reader.
    guard reader.failure?.kind == nil, !reader.dialect.hasSeparatorLine else { return 0 }
    let text = PlainText.decode(input.file, as: reader.encoding)
    let expected = PlainReader.read(text, delimiter: reader.dialect.delimiter)
    if expected.failure == nil, reading.failure?.hasPrefix("invalid_encoding") == true, text.last == 0xFF { return 0 }
    if reading != expected { differ("\(reader.encoding) read differently", reading, expected) }
    if reader.failure == nil {
        let back = unsafe reader.encoding.bytes(of: text.span.bytes)
        if back != input.file { differ("\(reader.encoding) does not come back", back, input.file) }
    }
    return 0
}
