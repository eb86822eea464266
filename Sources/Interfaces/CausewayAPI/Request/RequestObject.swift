import CausewayCore
import Crypto
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

/// A request body that is one JSON object, read member by member. What is wrong is collected, so that a caller hears
/// of everything at once; a member nobody asked for is refused.
struct RequestObject {
    /// The largest JSON body that is read.
    static let maximumSize = 1 << 20

    let members: [String: JSONValue]
    /// SHA-256 of the bytes.
    let hash: String
    private var known: Set<String> = []
    private(set) var problems: [FieldProblem] = []

    /// Reads the body. An absent body is an object without members.
    init(_ request: Request) async throws {
        if let length = request.headers[.contentLength].flatMap(Int.init), length > Self.maximumSize {
            throw Self.tooLarge
        }
        var buffer = ByteBuffer()
        for try await chunk in request.body {
            guard buffer.readableBytes + chunk.readableBytes <= Self.maximumSize else { throw Self.tooLarge }
            buffer.writeImmutableBuffer(chunk)
        }
        let data = Data(buffer.readableBytesView)
        hash = Digest.hex(SHA256.hash(data: data))
        guard !data.isEmpty else {
            members = [:]
            return
        }
        let type = request.headers[.contentType]?.split(separator: ";").first?.lowercased()
        guard type?.trimmingCharacters(in: .whitespaces) == "application/json" else {
            throw Problem(
                .unsupportedMediaType, code: "unsupported_media_type",
                detail: "Send the body as JSON with `Content-Type: application/json`.")
        }
        let value: JSONValue
        do {
            value = try JSONValue(parsing: data)
        } catch {
            throw Problem(.badRequest, code: "invalid_json", detail: "The body is not JSON: \(Self.words(error))")
        }
        guard let object = value.object else {
            throw Problem(.badRequest, code: "invalid_json", detail: "The body must be a JSON object, `{…}`.")
        }
        if let member = JSONValue.repeatedMember(in: data) {
            throw Problem.invalid([.repeated(String(member.showingNUL.prefix(100)))])
        }
        if let place = value.placeOfNUL {
            throw Problem.invalid([.nul(String(place.prefix(100)))])
        }
        members = object
    }

    private static let tooLarge = Problem(
        .contentTooLarge, code: "body_too_large", detail: "A JSON body may have \(maximumSize) bytes at most.")

    private static func words(_ error: any Error) -> String {
        guard case DecodingError.dataCorrupted(let context) = error else { return "it cannot be read." }
        let underlying = context.underlyingError as NSError?
        let place = underlying?.userInfo["NSDebugDescription"] as? String
        return String((place ?? context.debugDescription).prefix(200))
    }

    // MARK: Members

    mutating func refuse(_ field: String, _ code: String, _ detail: String) {
        guard problems.count < FieldProblem.limit else { return }
        problems.append(FieldProblem(field: String(field.prefix(100)), code: code, detail: detail))
    }

    /// Marks members as known that somebody else reads.
    mutating func expect(_ names: [String]) { known.formUnion(names) }

    /// A member's value; nil where it is absent or null.
    mutating func value(_ name: String) -> JSONValue? {
        known.insert(name)
        guard let value = members[name], !value.isNull else { return nil }
        return value
    }

    /// A string of 1 to `maximum` characters.
    mutating func string(_ name: String, maximum: Int = 255) -> String? {
        guard let value = value(name) else { return nil }
        guard let text = value.string else {
            refuse(name, "wrong_type", "This must be a string.")
            return nil
        }
        guard !text.isEmpty, text.count <= maximum else {
            refuse(name, "wrong_length", "This must have 1 to \(maximum) characters.")
            return nil
        }
        return text
    }

    mutating func requiredString(_ name: String, maximum: Int = 255) -> String? {
        if value(name) == nil { refuse(name, "required", "This member is needed.") }
        return string(name, maximum: maximum)
    }

    mutating func bool(_ name: String) -> Bool? {
        guard let value = value(name) else { return nil }
        guard let flag = value.bool else {
            refuse(name, "wrong_type", "This must be true or false.")
            return nil
        }
        return flag
    }

    mutating func integer(_ name: String, in range: ClosedRange<Int64>) -> Int64? {
        guard let value = value(name) else { return nil }
        guard let number = value.integer, range.contains(number) else {
            refuse(name, "out_of_range", "This must be a whole number from \(range.lowerBound) to \(range.upperBound).")
            return nil
        }
        return number
    }

    mutating func oneOf(_ name: String, _ choices: [String]) -> String? {
        guard let value = value(name) else { return nil }
        guard let text = value.string, choices.contains(text) else {
            refuse(name, "not_one_of", "This must be one of: \(choices.joined(separator: ", ")).")
            return nil
        }
        return text
    }

    mutating func time(_ name: String) -> Timestamp? {
        guard let value = value(name) else { return nil }
        guard let text = value.string, let time = Timestamp(rfc3339: text) else {
            refuse(name, "invalid_time", "This must be a time such as 2026-01-31T09:00:00Z.")
            return nil
        }
        return time
    }

    mutating func strings(_ name: String) -> [String]? {
        guard let value = value(name) else { return nil }
        guard let values = value.array, values.allSatisfy({ $0.string != nil }) else {
            refuse(name, "wrong_type", "This must be a list of strings.")
            return nil
        }
        return values.compactMap(\.string)
    }

    /// Throws everything that was wrong, unknown members included.
    mutating func finish() throws {
        for name in members.keys.sorted() where !known.contains(name) && problems.count < FieldProblem.limit {
            let hint =
                if known.isEmpty { ": this call takes none." } else if let near = NearestName.of(name, among: known) {
                    "; did you mean `\(near)`?"
                } else { ". Known: \(known.sorted().joined(separator: ", "))." }
            refuse(name, "unknown_field", "There is no such member\(hint)")
        }
        guard problems.isEmpty else { throw Problem.invalid(problems) }
    }
}
