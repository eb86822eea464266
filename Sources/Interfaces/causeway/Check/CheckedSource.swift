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
            var facts = stat()
            if unsafe stat(file, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG {
                handle = opened
                path = file
                size = Int64(facts.st_size)
                isCopy = false
            } else {
                // A pipe has its bytes once.
                size = nil
                isCopy = isReadTwice
                (handle, path) = isReadTwice ? try Self.copy(of: opened) : (opened, file)
            }
            return
        }
        size = nil
        isCopy = isReadTwice
        (handle, path) = isReadTwice ? try Self.copy(of: .standardInput) : (.standardInput, "/dev/stdin")
    }

    /// Whether both names are of one file, by whatever links.
    func isSame(as other: String) -> Bool {
        var (mine, others) = (stat(), stat())
        return unsafe stat(path, &mine) == 0 && stat(other, &others) == 0 && mine.st_dev == others.st_dev
            && mine.st_ino == others.st_ino
    }

    private static func copy(of input: FileHandle) throws -> (FileHandle, String) {
        let path = FileManager.default.temporaryDirectory.appending(path: "causeway-\(UUID().uuidString).csv").path()
        guard FileManager.default.createFile(atPath: path, contents: nil, attributes: [.posixPermissions: 0o600]),
            let copy = FileHandle(forUpdatingAtPath: path)
        else { throw CommandFailure("\(path) cannot be written.") }
        while let data = try input.read(upToCount: 1 << 20), !data.isEmpty {
            try copy.write(contentsOf: data)
        }
        try copy.seek(toOffset: 0)
        return (copy, path)
    }

    deinit { if isCopy { unsafe unlink(path) } }
}
