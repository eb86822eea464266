// Checks of one cell on its bytes: no text, no allocation, no generic. Each takes the bytes of the whole record
// (or of an unescaped cell) and where the cell lies in it; the cell is never empty.

enum EmailCheck {
    /// Letters, digits and ``!#$%&'*+-/=?^_`{|}~`` (RFC 5322 atext) of the first and second half of ASCII.
    private static let low: UInt64 = 0xA3FF_ACFA_0000_0000
    private static let high: UInt64 = 0x7FFF_FFFF_C7FF_FFFE
    /// Letters, digits and the hyphen.
    private static let hostLow: UInt64 = 0x03FF_2000_0000_0000
    private static let hostHigh: UInt64 = 0x07FF_FFFE_07FF_FFFE

    @inline(__always)
    private static func isIn(_ byte: UInt8, _ low: UInt64, _ high: UInt64) -> Bool {
        // Beyond ASCII: a letter of an internationalised address (RFC 6531); the bytes are valid UTF-8.
        if byte >= 0x80 { return true }
        let half = byte < 64 ? low : high
        return half &>> UInt64(byte & 63) & 1 != 0
    }

    /// `local@domain`: atoms joined by single dots (64 bytes at most), a host of two labels at least whose last
    /// one is no number. No quoted local parts, comments or address literals: nobody's address in a CSV has them,
    /// what looks like one is a mistake.
    static func isValid(_ bytes: RawSpan, _ start: Int, _ end: Int) -> Bool {
        let span = Span<UInt8>(_bytes: bytes)
        // Where the atom, or the label of the host, begins.
        var part = start
        var host = -1
        var labels = 0
        var index = start
        while index < end {
            let left = end &- index
            let word = left >= 8 ? CellWord.load(bytes, index) : CellWord.short(bytes, index, end)
            var others = CellWord.others(word)
            if left < 8 { others &= (1 &<< UInt64(truncatingIfNeeded: left &* 8)) &- 1 }
            // Letters and digits are good everywhere.
            while others != 0 {
                let bit = others.trailingZeroBitCount &- 7
                let place = index &+ bit &>> 3
                let byte = UInt8(truncatingIfNeeded: word &>> UInt64(truncatingIfNeeded: bit))
                others &= others &- 1
                if byte == 0x2E {
                    guard place > part else { return false }
                    if host >= 0 {
                        guard isLabel(span, part, place) else { return false }
                        labels &+= 1
                    }
                    part = place &+ 1
                } else if host >= 0 {
                    guard isIn(byte, hostLow, hostHigh) else { return false }
                } else if byte == 0x40 {
                    guard place > part, place &- start <= 64 else { return false }
                    host = place &+ 1
                    part = host
                } else if !isIn(byte, low, high) {
                    return false
                }
            }
            index &+= 8
        }
        guard host >= 0, labels >= 1, end &- part >= 2, end &- host <= 253, isLabel(span, part, end) else {
            return false
        }
        while part < end, span[part] <= 0x39 { part &+= 1 }
        return part < end
    }

    /// Of a host: its length, and no hyphen at its ends.
    @inline(__always)
    private static func isLabel(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> Bool {
        end &- start <= 63 && bytes[start] != 0x2D && bytes[end &- 1] != 0x2D
    }
}

enum DateCheck {
    static let years = 1900...9999

    /// `YYYY-MM-DD`, a day that the calendar has, from 1900 on (an earlier one is a slip of the pen).
    static func isDay(_ bytes: RawSpan, _ start: Int, _ end: Int) -> Bool {
        guard end &- start == 10 else { return false }
        let front = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: start, as: UInt64.self).littleEndian
        let back = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: start &+ 8, as: UInt16.self).littleEndian
        // Eight bytes at once: digits become 0…9, the two hyphens 0.
        let digits = front ^ 0x2D30_302D_3030_3030
        let last = back ^ 0x3030
        guard (digits | (digits &+ 0x7F76_767F_7676_7676)) & 0x8080_8080_8080_8080 == 0,
            (last | (last &+ 0x7676)) & 0x8080 == 0
        else { return false }
        @inline(__always) func digit(_ place: UInt64) -> Int { Int(truncatingIfNeeded: digits &>> (place &* 8) & 0xFF) }
        let year = digit(0) &* 1000 &+ digit(1) &* 100 &+ digit(2) &* 10 &+ digit(3)
        let month = digit(5) &* 10 &+ digit(6)
        let day = Int(last & 0xFF) &* 10 &+ Int(last &>> 8)
        guard year >= years.lowerBound, month >= 1, month <= 12, day >= 1 else { return false }
        if day <= 28 { return true }
        if month == 2 { return day == 29 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }
        // A bit for each month of 31 days.
        return day <= (0b1_0101_1010_1010 &>> month & 1 == 1 ? 31 : 30)
    }

    /// Whole milliseconds since 1970, at least twelve digits (2001-09-09 and later; seconds have ten) and before
    /// the year 10000.
    static func isEpochMilliseconds(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> Bool {
        guard (12...15).contains(end &- start), bytes[start] != 0x30 else { return false }
        var value: Int64 = 0
        for index in start..<end {
            let digit = bytes[index] &- 0x30
            guard digit <= 9 else { return false }
            value = value &* 10 &+ Int64(digit)
        }
        return value < 253_402_300_800_000
    }

    /// `YYYY-MM-DD` of a day from 1970 to 9999.
    static func text(daysSince1970 days: Int) -> InlineArray<10, UInt8> {
        // The calendar repeats every 400 years; a year that begins with March has its odd day at the end.
        // https://howardhinnant.github.io/date_algorithms.html#civil_from_days
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        var text = InlineArray<10, UInt8>(repeating: 0x2D)
        func put(_ number: Int, _ digits: Int, at place: Int) {
            var rest = number
            for index in (place..<place + digits).reversed() {
                text[index] = 0x30 + UInt8(rest % 10)
                rest /= 10
            }
        }
        put(year, 4, at: 0)
        put(month, 2, at: 5)
        put(day, 2, at: 8)
        return text
    }
}

enum AmountCheck {
    /// A whole number, `-` before it where negative, no separators, within the bounds.
    static func isInteger(
        _ bytes: RawSpan, _ start: Int, _ end: Int, minimum: Int64, maximum: Int64
    ) -> Bool {
        if let value = CellWord.digits(bytes, start, end) { return value >= minimum && value <= maximum }
        let span = Span<UInt8>(_bytes: bytes)
        var index = start
        let isNegative = span[start] == 0x2D
        if isNegative { index &+= 1 }
        guard index < end, end &- index <= 18 else { return false }
        var value: Int64 = 0
        while index < end {
            let digit = span[index] &- 0x30
            guard digit <= 9 else { return false }
            value = value &* 10 &+ Int64(digit)
            index &+= 1
        }
        if isNegative { value = -value }
        return value >= minimum && value <= maximum
    }

    /// A number with a point and at most `decimals` digits behind it, or a whole one; within the bounds.
    static func isDecimal(
        _ bytes: RawSpan, _ start: Int, _ end: Int, minimum: Int64, maximum: Int64, decimals: Int
    ) -> Bool {
        let span = Span<UInt8>(_bytes: bytes)
        var point = start
        while point < end, span[point] != 0x2E { point &+= 1 }
        guard point > start, isInteger(bytes, start, point, minimum: minimum, maximum: maximum) else { return false }
        guard point < end else { return true }
        let places = end &- point &- 1
        guard places >= 1, places <= decimals else { return false }
        var isZero = true
        for index in point &+ 1..<end {
            let digit = span[index] &- 0x30
            guard digit <= 9 else { return false }
            if digit != 0 { isZero = false }
        }
        // At the bound itself nothing may follow the point.
        if isZero { return true }
        return isInteger(
            bytes, start, point, minimum: minimum == .min ? .min : minimum &+ 1,
            maximum: maximum == .max ? .max : maximum &- 1)
    }
}

/// Three capital letters as the number of a bit.
enum CurrencyCheck {
    static let bitCount = 26 * 26 * 26

    static func index(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> Int? {
        guard end &- start == 3 else { return nil }
        let first = bytes[start] &- 0x41
        let second = bytes[start &+ 1] &- 0x41
        let third = bytes[start &+ 2] &- 0x41
        guard first < 26, second < 26, third < 26 else { return nil }
        return (Int(first) &* 26 &+ Int(second)) &* 26 &+ Int(third)
    }

    /// ISO 4217, what is in use and what lately was.
    static let codes = """
        AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF \
        CHF CLF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD \
        HKD HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD \
        LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP \
        PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT \
        TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG ZWL
        """.split(separator: " ").map(String.init)

    /// A bit for each code, by `index`.
    static let known: [UInt64] = {
        var bits = [UInt64](repeating: 0, count: bitCount / 64 + 1)
        for code in codes {
            let letters = Array(code.utf8)
            if let index = index(letters.span, 0, 3) { bits[index / 64] |= 1 << UInt64(index % 64) }
        }
        return bits
    }()
}
