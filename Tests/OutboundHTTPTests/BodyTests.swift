import Foundation
import Testing

@testable import OutboundHTTP

@Suite("Request bodies")
struct BodyTests {
    @Test("A form's parts stand between boundaries, names quoted as browsers do")
    func form() throws {
        let form = MultipartForm(
            [
                .field("group", "a b"),
                .init(
                    name: "file", filename: "x\"y\r\n.csv", contentType: "text/csv",
                    content: [.bytes(Array("a,b\n".utf8)), .bytes(Array("1,2\n".utf8))]),
            ], boundary: "B")
        let reader = try SegmentReader(form.segments)
        #expect(form.contentType == "multipart/form-data; boundary=B")
        #expect(
            String(decoding: try reader.readAll(by: 7), as: UTF8.self) == """
                --B\r
                Content-Disposition: form-data; name="group"\r
                \r
                a b\r
                --B\r
                Content-Disposition: form-data; name="file"; filename="x%22y%0D%0A.csv"\r
                Content-Type: text/csv\r
                \r
                a,b
                1,2
                \r
                --B--\r

                """)
        #expect(reader.length == reader.position)
    }

    @Test("Segments and stretches of files are read one after another, from any position")
    func segments() throws {
        let file = TemporaryFile(bytes: 1000)
        var pattern = Pattern()
        let bytes = pattern.next(1000)
        let reader = try SegmentReader([
            .bytes([1, 2, 3]), .file(FileSlice(path: file.path, offset: 10, length: 20)), .bytes([]),
            .file(FileSlice(path: file.path, offset: 990)), .bytes([4]),
        ])
        let whole = [1, 2, 3] + bytes[10..<30] + bytes[990...] + [4]
        #expect(reader.length == 34)
        for size in [1, 3, 4, 100] {
            #expect(reader.seek(to: 0))
            #expect(try reader.readAll(by: size) == whole)
        }
        for position in 0...34 {
            #expect(reader.seek(to: Int64(position)))
            #expect(try reader.readAll(by: 5) == Array(whole[position...]))
        }
        #expect(!reader.seek(to: 35))
    }

    @Test("A file that is missing, a folder, or too short is known before anything is sent")
    func missing() {
        let file = TemporaryFile(bytes: 10)
        for slice in [
            FileSlice(path: "/nowhere/at/all"), FileSlice(path: "/tmp"), FileSlice(path: file.path, offset: 11),
            FileSlice(path: file.path, offset: 5, length: 6), FileSlice(path: file.path, offset: -1),
        ] {
            #expect(throws: FileFailure.self) { try SegmentReader([.file(slice)]) }
        }
    }
}

extension SegmentReader {
    fileprivate func readAll(by size: Int) throws -> [UInt8] {
        var all: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: size)
        while true {
            let count = unsafe try piece.withUnsafeMutableBytes { unsafe try read(into: $0) }
            if count == 0 { return all }
            all += piece.prefix(count)
        }
    }
}
