/// `Content-Disposition` after RFC 6266: a name for old clients and, where that loses letters, the true one.
enum ContentDisposition {
    static func attachment(_ name: String) -> String {
        let plain = String(
            decoding: name.utf8.map { byte -> UInt8 in
                (0x20...0x7E).contains(byte) && byte != 0x22 && byte != 0x5C && byte != 0x2F ? byte : 0x5F
            }, as: UTF8.self)
        guard plain != name else { return "attachment; filename=\"\(plain)\"" }
        return "attachment; filename=\"\(plain)\"; filename*=UTF-8''\(percentEncoded(name))"
    }

    private static func percentEncoded(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF")
        return text.utf8.map { byte -> String in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: String(UnicodeScalar(byte))
            default: "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
            }
        }.joined()
    }
}
