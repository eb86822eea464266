public import CausewayCore
import Storage

public enum UploadKind: IdentifierKind { public static let prefix = "upl" }
public typealias UploadID = Identifier<UploadKind>

/// A file that comes in several requests, each of which may break off, and becomes an import with the last.
///
/// What is on record here is on the disk: `received` is written down after the file was synced, so that it is never more
/// than what outlives any end of the process or the machine.
public struct ResumableUpload: Sendable, Equatable {
    public let id: UploadID
    /// The key that began it; to others it does not exist.
    public let caller: String
    public let request: ImportRequest
    /// What the first request said of the bytes, by the names of its header fields in lower case; read again at the end.
    public let headers: [String: String]
    /// Bytes, as they were transferred.
    public internal(set) var received: Int64
    /// How many there will be; nil where the caller has not said.
    public internal(set) var length: Int64?
    /// All has been received. What came of it is in `importID` or `refusal`, or is being found out.
    public internal(set) var isComplete: Bool
    public internal(set) var importID: ImportID?
    /// Why no import came of it, as the caller was told.
    public internal(set) var refusal: JSONValue?
    /// Changes when somebody else wants to write: whoever writes then ends.
    public internal(set) var claim: String?
    public let createdAt: Timestamp
    /// It and its file are removed then.
    public internal(set) var expiresAt: Timestamp

    /// In the spool.
    var fileName: String { id.text }
}

/// What stands against a request about a resumable upload.
public enum ResumableUploadError: Error, Sendable, Equatable {
    /// None of this caller's has this id, or it has expired.
    case notFound
    /// - Parameter actual: where the upload stands.
    case wrongOffset(actual: Int64, given: Int64, isComplete: Bool)
    /// All of its bytes, so many, are there: nothing can be added.
    case complete(size: Int64)
    /// What was said of the length, or is sent, does not fit together.
    case wrongLength(String)
    /// Another request to this upload does not end.
    case busy
    /// Another request to this upload came, which ended this one.
    case overtaken
    /// It came to nothing before; as it was told then.
    case refused(JSONValue)
}
