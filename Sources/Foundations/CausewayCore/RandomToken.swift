/// Text nobody can guess.
public enum RandomToken {
    /// `bytes` random bytes from the system's generator in URL-safe base 64.
    public static func make(bytes: Int = 32) -> String {
        Base64URL.encode(randomBytes(bytes))
    }

    public static func randomBytes(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }
}
