import Glibc

/// The bytes of one try: the first ones choose, the rest is the file.
struct FuzzInput {
    let file: [UInt8]
    private let choices: [UInt8]

    static let choiceCount = 4

    /// Nil where there is nothing to try.
    init?(_ data: UnsafePointer<UInt8>?, _ size: Int) {
        guard let data = unsafe data, size >= Self.choiceCount else { return nil }
        let bytes = unsafe [UInt8](UnsafeBufferPointer(start: data, count: size))
        choices = Array(bytes.prefix(Self.choiceCount))
        file = Array(bytes.dropFirst(Self.choiceCount))
    }

    func choice(_ number: Int, of count: Int) -> Int { Int(choices[number]) % count }

    /// The file in parts of at most so many bytes.
    func parts(of size: Int) -> [[UInt8]] {
        stride(from: 0, to: file.count, by: size).map { Array(file[$0..<min($0 + size, file.count)]) }
    }
}

/// Ends the program, which the fuzzer takes for a finding.
func differ(_ what: String, _ ours: some Any, _ theirs: some Any) -> Never {
    let words = "\(what)\n--- ours\n\(ours)\n--- expected\n\(theirs)\n"
    _ = words.withCString { unsafe write(STDERR_FILENO, $0, strlen($0)) }
    abort()
}
