import CausewayCore
import Foundation

/// The file `identity` of a data directory: its own name and the name of the database it belongs to.
struct IdentityFile: Equatable {
    let directory: String
    let database: String

    /// As it stands in the file, without the end of its line.
    var text: String { "\(directory) \(database)" }

    static func path(in directory: DataDirectory) -> String { directory.path + "/identity" }

    /// Nil where there is none. Throws `GatewayError.dataDirectory` where it cannot be read or is no such file.
    static func read(in directory: DataDirectory) throws -> IdentityFile? {
        let path = path(in: directory)
        let data: Data
        do {
            data = try Data(contentsOf: URL(filePath: path))
        } catch let error as CocoaError where error.code == .fileReadNoSuchFile {
            return nil
        } catch {
            throw GatewayError.dataDirectory("\(path) cannot be read: \(error.localizedDescription)")
        }
        let words = String(decoding: data, as: UTF8.self).split(whereSeparator: \.isWhitespace)
        guard words.count == 2 else {
            throw GatewayError.dataDirectory(
                "\(path) is damaged: it has to hold two words. Put it back from where data_dir is backed up.")
        }
        return IdentityFile(directory: String(words[0]), database: String(words[1]))
    }

    /// Puts it there, whole and on the disk, unless another is there already; returns the one that is there then.
    ///
    /// A link is made or refused in one step on every file system, networks' included. Its answer may be lost there, so
    /// what counts is what is found afterwards.
    func place(in directory: DataDirectory) throws -> IdentityFile {
        let path = Self.path(in: directory)
        let draft = "\(path).\(RandomToken.make(bytes: 6)).part"
        func failed(_ what: String) -> GatewayError {
            .dataDirectory("\(what): \(unsafe String(cString: strerror(errno)))")
        }
        let descriptor = unsafe open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failed("\(draft) cannot be made") }
        defer { unsafe unlink(draft) }
        let line = text + "\n"
        let isWritten = unsafe write(descriptor, line, line.utf8.count) == line.utf8.count && fsync(descriptor) == 0
        guard close(descriptor) == 0, isWritten else { throw failed("\(draft) cannot be written") }
        let isLinked = unsafe link(draft, path) == 0
        let found = try Self.read(in: directory)
        guard let found else { throw failed(isLinked ? "\(path) cannot be found" : "\(path) cannot be made") }
        let place = unsafe open(directory.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard place >= 0 else { throw failed("\(directory.path) cannot be opened") }
        defer { close(place) }
        guard fsync(place) == 0 else { throw failed("\(directory.path) cannot be synced") }
        return found
    }
}
