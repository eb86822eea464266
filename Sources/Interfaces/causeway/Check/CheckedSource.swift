import Foundation
import Glibc

/// The file to check, or standard input; this is copied aside where it has to be read twice, and gone with this object.
final class CheckedSource: Sendable {
    let handle: FileHandle
    let path: String
    /// In bytes; nil where that is not known beforehand.
    let size: Int64?
    private let isCopy: Bool

    /// Throws `CommandFailure`.
    init(_ file: String, isReadTwice: Bool) throws {
        guard file == "-" else {
            var isDirectory: ObjCBool = false
            guard unsafe FileManager.default.fileExists(atPath: file, isDirectory: &isDirectory) else {
                throw CommandFailure("There is no file \(file).")
            }
            guard !isDirectory.boolValue, let opened = FileHandle(forReadingAtPath: file) else {
                throw CommandFailure("\(file) cannot be read.")
            }
            handle = opened
            path = file
            let found = try? FileManager.default.attributesOfItem(atPath: file)
            size = (found?[.size] as? NSNumber)?.int64Value
            isCopy = false
            return
        }
        size = nil
        isCopy = isReadTwice
        guard isReadTwice else {
            handle = .standardInput
            path = "/dev/stdin"
            return
        }
        path = FileManager.default.temporaryDirectory.appending(path: "causeway-\(UUID().uuidString).csv").path()
        guard FileManager.default.createFile(atPath: path, contents: nil, attributes: [.posixPermissions: 0o600]),
            let copy = FileHandle(forUpdatingAtPath: path)
        else { throw CommandFailure("\(path) cannot be written.") }
        while let data = try FileHandle.standardInput.read(upToCount: 1 << 20), !data.isEmpty {
            try copy.write(contentsOf: data)
        }
        try copy.seek(toOffset: 0)
        handle = copy
    }

    deinit { if isCopy { unsafe unlink(path) } }
}
