/// What `Range` asks of a file (RFC 9110, section 14.2).
enum ByteRange: Equatable {
    /// All of it: no range, one in another unit, one that is none, or several at once.
    case whole
    case part(Range<Int64>)
    /// It lies behind the end.
    case unsatisfiable

    init(_ header: String?, size: Int64) {
        self = .whole
        let form = /\s*bytes\s*=\s*(\d{0,18})-(\d{0,18})\s*/.ignoresCase()
        guard let match = header?.wholeMatch(of: form) else { return }
        switch (Int64(match.1), Int64(match.2)) {
        case (nil, nil): return
        case (nil, let count?):
            self = count == 0 || size == 0 ? .unsatisfiable : .part(max(0, size - count)..<size)
        case (let first?, let last):
            if let last, last < first { return }
            self = first >= size ? .unsatisfiable : .part(first..<min(size, (last ?? size - 1) + 1))
        }
    }
}
