/// Hands out a body of known length piece by piece, and goes back where libcurl must send it again.
/// Used by one thread at a time.
final class SegmentReader {
    private enum Source {
        case bytes([UInt8])
        case file(OpenFile, from: Int64)
    }

    private final class OpenFile {
        let descriptor: FileDescriptor
        let path: String

        init(_ descriptor: consuming FileDescriptor, path: String) {
            self.descriptor = descriptor
            self.path = path
        }
    }

    private let sources: [(source: Source, length: Int64)]
    /// In bytes.
    let length: Int64
    private(set) var position: Int64 = 0
    private var index = 0
    private var offset: Int64 = 0

    /// Opens the files, so that a missing one is known before anything is sent.
    init(_ segments: [OutboundBody.Segment]) throws(FileFailure) {
        var sources: [(Source, Int64)] = []
        for segment in segments {
            switch segment {
            case .bytes(let bytes):
                sources.append((.bytes(bytes), Int64(bytes.count)))
            case .file(let slice):
                let descriptor = try FileDescriptor(reading: slice.path)
                let left = try descriptor.size(path: slice.path) - slice.offset
                let length = slice.length ?? left
                guard slice.offset >= 0, length >= 0, length <= left else {
                    throw FileFailure(call: "the file ends before its stretch does", path: slice.path, code: 0)
                }
                sources.append((.file(OpenFile(descriptor, path: slice.path), from: slice.offset), length))
            }
        }
        self.sources = sources
        length = sources.reduce(0) { $0 + $1.1 }
    }

    /// How many bytes were put into `buffer`; 0 at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(FileFailure) -> Int {
        var filled = 0
        while filled < buffer.count, index < sources.count {
            let (source, length) = sources[index]
            let wanted = Int(min(Int64(buffer.count - filled), length - offset))
            guard wanted > 0 else {
                index += 1
                offset = 0
                continue
            }
            let room = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[filled..<(filled + wanted)])
            var count = wanted
            switch source {
            case .bytes(let bytes):
                unsafe bytes.withUnsafeBytes {
                    unsafe room.copyMemory(
                        from: UnsafeRawBufferPointer(rebasing: $0[Int(offset)..<Int(offset) + wanted]))
                }
            case .file(let file, let start):
                count = unsafe try file.descriptor.read(into: room, at: start + offset)
                guard count > 0 else {
                    throw FileFailure(call: "the file became shorter while it was sent", path: file.path, code: 0)
                }
            }
            filled += count
            offset += Int64(count)
            position += Int64(count)
        }
        return filled
    }

    /// False where there is no such position.
    func seek(to target: Int64) -> Bool {
        guard (0...length).contains(target) else { return false }
        (position, index, offset) = (target, 0, target)
        while index < sources.count, offset >= sources[index].length {
            offset -= sources[index].length
            index += 1
        }
        return true
    }
}
