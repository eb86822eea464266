import Foundation
import Support

/// A program that a test runs.
struct Tool {
    let path: String

    struct Missing: Error, CustomStringConvertible {
        let path: String
        var description: String { "\(path) is missing: run deploy/bootstrap, or `make test`, which does" }
    }

    init(path: String) { self.path = path }

    /// One of `.build/python`, which `deploy/bootstrap` makes.
    init(python name: String) throws {
        path = Checkout.root.appending(path: ".build/python/bin/\(name)").path
        guard FileManager.default.isExecutableFile(atPath: path) else { throw Missing(path: path) }
    }

    /// Runs it from the root of the package; returns its exit status and all it said.
    func run(_ arguments: [String], input: Data = Data()) throws -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.currentDirectoryURL = Checkout.root
        // A file, since a pipe that nobody reads yet may be full.
        let directory = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let inputFile = directory.appending(path: "input")
        try input.write(to: inputFile)
        process.standardInput = try FileHandle(forReadingFrom: inputFile)
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.start()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: data, as: UTF8.self))
    }
}
