/// The known name somebody probably meant.
public enum NearestName {
    /// The one of `names` that is at most a third of its letters away from `name`; nil where none is near.
    public static func of(_ name: String, among names: some Sequence<String>) -> String? {
        guard name.utf8.count <= 64 else { return nil }
        let wanted = Array(name.lowercased())
        return names.sorted()
            .map { (name: $0, distance: distance(wanted, Array($0.lowercased().prefix(64)))) }
            .filter { $0.distance <= max(1, $0.name.count / 3) }
            .min { $0.distance < $1.distance }?.name
    }

    /// Levenshtein's distance.
    private static func distance(_ left: [Character], _ right: [Character]) -> Int {
        var previous = Array(0...right.count)
        for (row, character) in left.enumerated() {
            var current = [row + 1]
            for (column, other) in right.enumerated() {
                current.append(
                    min(previous[column + 1] + 1, current[column] + 1, previous[column] + (character == other ? 0 : 1)))
            }
            previous = current
        }
        return previous[right.count]
    }
}
