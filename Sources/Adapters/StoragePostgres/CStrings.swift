import Storage

/// Texts as C wants them.
enum CStrings {
    /// An array that ends with a null pointer; valid for the body.
    static func with<Result>(
        _ texts: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) throws -> Result
    ) rethrows -> Result {
        try unsafe ArgumentTexts.with(texts.map(SQLValue.text), body)
    }
}

/// A statement's arguments in PostgreSQL's text format, one after another in one buffer.
enum ArgumentTexts {
    /// Pointers to each, a null pointer for NULL and one more at the end; valid for the body. No text holds a NUL.
    static func with<Result>(
        _ arguments: [SQLValue], _ body: (UnsafePointer<UnsafePointer<CChar>?>) throws -> Result
    ) rethrows -> Result {
        var bytes: [UInt8] = []
        var offsets: [Int?] = []
        offsets.reserveCapacity(arguments.count)
        for argument in arguments {
            let start = bytes.count
            switch argument {
            case .null:
                offsets.append(nil)
                continue
            case .integer(let number): bytes.append(contentsOf: String(number).utf8)
            case .real(let number): bytes.append(contentsOf: number.description.utf8)
            case .text(let text): bytes.append(contentsOf: text.utf8)
            }
            bytes.append(0)
            offsets.append(start)
        }
        return try unsafe bytes.withUnsafeBytes { buffer in
            let base = unsafe buffer.baseAddress?.assumingMemoryBound(to: CChar.self)
            var pointers = unsafe [UnsafePointer<CChar>?]()
            unsafe pointers.reserveCapacity(offsets.count + 1)
            for offset in offsets {
                unsafe pointers.append(offset.flatMap { offset in unsafe base.map { unsafe $0 + offset } })
            }
            unsafe pointers.append(nil)
            return try unsafe body(&pointers)
        }
    }
}
