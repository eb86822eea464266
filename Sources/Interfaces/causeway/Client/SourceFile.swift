import Foundation
import Glibc

/// A file that a command reads, or standard input. What has its bytes only once, a pipe, is copied aside where it is read
/// twice: into a file without a name, which is gone with this process however it ends.
final class SourceFile: Sendable {
    let handle: FileHandle
    /// Opens the same bytes anew, from their beginning.
    let path: String
    /// For people; nil for standard input.
    let name: String?
    /// In bytes; nil where that is not known beforehand.
    let size: Int64?
    private let device: dev_t
    private let inode: ino_t

    /// Throws `CommandFailure`.
    /// - Parameter file: `-` for standard input.
    init(_ file: String, isReadTwice: Bool) throws {
        let opened: FileHandle
        if file == "-" {
            opened = .standardInput
            name = nil
        } else {
            var isDirectory: ObjCBool = false
            guard unsafe FileManager.default.fileExists(atPath: file, isDirectory: &isDirectory) else {
                throw CommandFailure("There is no file \(file).")
            }
            guard !isDirectory.boolValue, let found = FileHandle(forReadingAtPath: file) else {
                throw CommandFailure("\(file) cannot be read.")
            }
            opened = found
            name = URL(filePath: file).lastPathComponent
        }
        var facts = stat()
        guard unsafe fstat(opened.fileDescriptor, &facts) == 0 else { throw CommandFailure("\(file) cannot be read.") }
        device = facts.st_dev
        inode = facts.st_ino
        if file != "-", facts.st_mode & S_IFMT == S_IFREG {
            handle = opened
            path = file
            size = Int64(facts.st_size)
        } else if isReadTwice {
            let copy = try Self.copy(of: opened)
            guard unsafe fstat(copy.fileDescriptor, &facts) == 0 else {
                throw CommandFailure("The copy of \(file) cannot be read.")
            }
            handle = copy
            path = "/proc/self/fd/\(copy.fileDescriptor)"
            size = Int64(facts.st_size)
        } else {
            handle = opened
            path = file == "-" ? "/dev/stdin" : file
            size = nil
        }
    }

    /// Whether both names are of one file, by whatever links.
    func isSame(as other: String) -> Bool {
        var others = stat()
        return unsafe stat(other, &others) == 0 && others.st_mode & S_IFMT == S_IFREG && others.st_dev == device
            && others.st_ino == inode
    }

    private static func copy(of input: FileHandle) throws -> FileHandle {
        let path = FileManager.default.temporaryDirectory.appending(path: "causeway-\(UUID().uuidString).csv").path()
        let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw CommandFailure("\(path) cannot be written.") }
        unsafe unlink(path)
        let copy = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        do {
            while let data = try input.read(upToCount: 1 << 20), !data.isEmpty {
                try copy.write(contentsOf: data)
            }
            try copy.seek(toOffset: 0)
        } catch {
            throw CommandFailure("What came cannot be kept at \(path): is there room?")
        }
        return copy
    }
}
