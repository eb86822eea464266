import CCurl
import Synchronization

/// An easy handle with the memory it refers to, used for one transfer after another.
@safe final class TransferHandle: @unchecked Sendable {
    let easy: EasyHandle
    private var headers = StringList()
    private var connectTo = StringList()
    private let errorText: UnsafeMutablePointer<CChar>
    /// The first option that libcurl refused since the last reset.
    private(set) var refusal: CURLcode = CURLE_OK

    /// Of a body that libcurl was given whole, in bytes.
    private(set) var bodyLength: Int64 = 0

    init?() {
        guard let easy = EasyHandle() else { return nil }
        self.easy = easy
        unsafe errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
        unsafe errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    }

    deinit { unsafe errorText.deallocate() }

    /// Back to a handle that knows nothing of its last request.
    func reset() {
        easy.reset()
        headers = StringList()
        connectTo = StringList()
        unsafe errorText[0] = 0
        refusal = CURLE_OK
        bodyLength = 0
    }

    /// False after a transfer that ended before it had a connection, by a name without an address say: libcurl 7.88 keeps
    /// its buffer, and refuses from then on to be told a size for it.
    var takesBufferSize: Bool { easy.set(CURLOPT_BUFFERSIZE, Int(CURL_MAX_WRITE_SIZE)) == CURLE_OK }

    func set(_ option: CURLoption, _ value: Int) { note(easy.set(option, value)) }
    func set(_ option: CURLoption, offset value: Int64) { note(easy.set(option, offset: value)) }
    func set(_ option: CURLoption, _ value: String) { note(easy.set(option, value)) }

    /// The memory must outlive the transfer.
    @unsafe func set(_ option: CURLoption, pointer value: UnsafeMutableRawPointer?) {
        unsafe note(easy.set(option, pointer: value))
    }

    func addHeader(_ line: String) {
        if !headers.append(line) { note(CURLE_OUT_OF_MEMORY) }
    }

    /// `host:port:address:port`, as libcurl reads it.
    func connect(to line: String) {
        if !connectTo.append(line) { note(CURLE_OUT_OF_MEMORY) }
        unsafe set(CURLOPT_CONNECT_TO, pointer: connectTo.pointer)
    }

    /// To be called once all headers are added.
    func useHeadersAndErrorText() {
        unsafe set(CURLOPT_HTTPHEADER, pointer: headers.pointer)
        unsafe set(CURLOPT_ERRORBUFFER, pointer: errorText)
    }

    /// Sends these bytes as the body; libcurl copies them.
    func setBody(copying bytes: [UInt8]) {
        bodyLength = Int64(bytes.count)
        set(CURLOPT_POSTFIELDSIZE_LARGE, offset: bodyLength)
        unsafe bytes.withUnsafeBytes {
            // No pointer would mean "read the body from the callback".
            var nothing: UInt8 = 0
            if let start = $0.baseAddress {
                unsafe set(CURLOPT_COPYPOSTFIELDS, pointer: UnsafeMutableRawPointer(mutating: start))
            } else {
                unsafe set(CURLOPT_COPYPOSTFIELDS, pointer: &nothing)
            }
        }
    }

    func note(_ code: CURLcode) {
        if refusal == CURLE_OK { refusal = code }
    }

    /// libcurl's words about the failure with their numbers and names, else its general words for the code.
    func words(_ code: CURLcode) -> String {
        unsafe errorText[0] == 0 ? CurlLibrary.words(code) : String(cString: errorText)
    }
}

/// Idle handles: making one costs more than resetting it.
final class TransferHandlePool: Sendable {
    private let idle = Mutex<[TransferHandle]>([])
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    /// Nil where memory is exhausted.
    func take() -> TransferHandle? {
        idle.withLock { $0.popLast() } ?? TransferHandle()
    }

    /// Only for a handle that no loop holds.
    func give(back handle: TransferHandle) {
        handle.reset()
        guard handle.takesBufferSize else { return }
        idle.withLock { if $0.count < limit { $0.append(handle) } }
    }
}
