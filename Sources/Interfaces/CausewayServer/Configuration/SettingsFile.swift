import Foundation
import Yams

/// The settings of `causeway.yaml`, flattened to names (`vendor.url`), each with its line.
struct SettingsFile {
    struct Value {
        /// As it was written; lists are joined with commas.
        let text: String
        let line: Int
    }

    let name: String
    let values: [String: Value]
    /// What is no flat setting, by its path: `treePaths`.
    var trees: [String: Node] = [:]

    static var empty: SettingsFile { SettingsFile(name: "", values: [:]) }
    static let treePaths: Set = [SettingsReader.objectsPath]
    static let defaultPath = "causeway.yaml"

    func place(_ line: Int) -> String { "\(name) line \(line)" }

    /// - Parameter path: nil takes the default path, and nothing where no file is there.
    static func read(_ path: String?) -> (SettingsFile, [SettingsMistake]) {
        let path = path ?? (FileManager.default.fileExists(atPath: defaultPath) ? defaultPath : nil)
        guard let path else { return (.empty, []) }
        let name = path.split(separator: "/").last.map(String.init) ?? path
        do {
            let text = try String(contentsOfFile: path, encoding: .utf8)
            return parse(text, name: name)
        } catch {
            let mistake = SettingsMistake(
                place: "--config", setting: path, words: "cannot be read: \(reason(error))",
                remedy: "name a YAML file in UTF-8 that this user may read")
            return (.empty, [mistake])
        }
    }

    /// Only what is no YAML at all is a mistake here; names and values are judged by the reader.
    static func parse(_ text: String, name: String) -> (SettingsFile, [SettingsMistake]) {
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch {
            let mistake = SettingsMistake(
                place: name, setting: "the file", words: "is no YAML: \(reason(error))",
                remedy: "write lines such as `listen: 127.0.0.1:8080`")
            return (.empty, [mistake])
        }
        var flattening = Flattening(name: name)
        switch root {
        case nil: break
        case .mapping(let mapping): flattening.add(mapping, under: "")
        case .scalar(let scalar) where scalar.string.isEmpty: break
        case .some(let node): flattening.refuse(node, "the file", "is no mapping of settings")
        }
        return (
            SettingsFile(name: name, values: flattening.values, trees: flattening.trees), flattening.mistakes
        )
    }

    private static func reason(_ error: any Error) -> String {
        guard let error = error as? YamlError else { return (error as NSError).localizedDescription }
        // Yams shows the line itself, which may hold a secret: only where and what.
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            return "line \(mark.line): \(problem)"
        case .duplicatedKeysInMapping(let duplicates, _):
            return "set twice: \(duplicates.map { "\($0)" }.sorted().joined(separator: ", "))"
        default:
            return "not readable as YAML"
        }
    }
}

/// Walks the tree of a file.
private struct Flattening {
    let name: String
    var values: [String: SettingsFile.Value] = [:]
    var trees: [String: Node] = [:]
    var mistakes: [SettingsMistake] = []

    mutating func add(_ mapping: Node.Mapping, under prefix: String) {
        for (key, node) in mapping {
            guard let word = key.scalar?.string, !word.isEmpty else {
                refuse(key, "a key", "is no plain word")
                continue
            }
            let path = prefix.isEmpty ? word : "\(prefix).\(word)"
            if SettingsFile.treePaths.contains(path) {
                trees[path] = node
                continue
            }
            switch node {
            case .mapping(let inner): add(inner, under: path)
            case .scalar(let scalar) where node.null != nil && scalar.style == .plain: break
            case .scalar(let scalar): set(path, scalar.string, at: key)
            case .sequence(let sequence): addList(sequence, path, at: key)
            case .alias: refuse(key, path, "is an alias")
            }
        }
    }

    private mutating func addList(_ sequence: Node.Sequence, _ path: String, at key: Node) {
        let texts = sequence.compactMap { $0.scalar?.string }
        guard texts.count == sequence.count else {
            refuse(key, path, "is a list of more than plain words")
            return
        }
        if !texts.isEmpty { set(path, texts.joined(separator: ","), at: key) }
    }

    private mutating func set(_ path: String, _ text: String, at key: Node) {
        let line = key.mark?.line ?? 0
        if let earlier = values[path] {
            refuse(key, path, "is set twice, first in line \(earlier.line)")
        } else if !text.isEmpty {
            values[path] = SettingsFile.Value(text: text, line: line)
        }
    }

    mutating func refuse(_ node: Node, _ path: String, _ words: String) {
        mistakes.append(
            SettingsMistake(
                place: "\(name) line \(node.mark?.line ?? 1)", setting: path, words: words,
                remedy: "write `name: value`, groups indented"))
    }
}
