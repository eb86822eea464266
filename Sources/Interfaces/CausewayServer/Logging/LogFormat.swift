import Glibc

/// What a line of the log looks like.
public enum LogFormat: String, Hashable, Sendable, CaseIterable {
    /// One JSON object a line, for machines.
    case json
    /// For people.
    case text

    /// Text where somebody looks on, JSON where a machine collects.
    public static func suited(toDescriptor descriptor: Int32) -> LogFormat {
        isatty(descriptor) == 1 ? .text : .json
    }
}
