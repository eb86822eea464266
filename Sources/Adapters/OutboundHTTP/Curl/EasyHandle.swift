import CCurl

/// One libcurl easy handle; freed with it. Touched by one thread at a time: the task that prepares a transfer, then the
/// loop from adding to removing it, then that task again.
@safe struct EasyHandle: ~Copyable {
    let pointer: UnsafeMutableRawPointer

    /// Nil where memory is exhausted.
    init?() {
        CurlLibrary.initialise()
        guard let pointer = unsafe curl_easy_init() else { return nil }
        unsafe self.pointer = pointer
    }

    deinit { unsafe curl_easy_cleanup(pointer) }

    /// Forgets all options; live connections and sessions stay.
    func reset() { unsafe curl_easy_reset(pointer) }

    func set(_ option: CURLoption, _ value: Int) -> CURLcode {
        unsafe causeway_set_long(pointer, option, value)
    }

    func set(_ option: CURLoption, offset value: Int64) -> CURLcode {
        unsafe causeway_set_offset(pointer, option, curl_off_t(value))
    }

    /// libcurl copies the text, up to its first NUL.
    func set(_ option: CURLoption, _ value: String) -> CURLcode {
        unsafe causeway_set_string(pointer, option, value)
    }

    /// The memory must outlive the transfer.
    @unsafe func set(_ option: CURLoption, pointer value: UnsafeMutableRawPointer?) -> CURLcode {
        unsafe causeway_set_pointer(pointer, option, value)
    }

    func number(_ info: CURLINFO) -> Int { unsafe causeway_info_long(pointer, info) }
    func offset(_ info: CURLINFO) -> Int64 { unsafe causeway_info_offset(pointer, info) }
    func text(_ info: CURLINFO) -> String? {
        unsafe causeway_info_string(pointer, info).map { unsafe String(cString: $0) }
    }

    /// Goes on in both directions; may call the callbacks before it returns.
    func unpause() -> CURLcode { unsafe curl_easy_pause(pointer, CURLPAUSE_CONT) }
}

/// libcurl's process-wide state.
enum CurlLibrary {
    private static let state: CURLcode = curl_global_init(Int(CURL_GLOBAL_DEFAULT))

    static func initialise() { _ = state }

    /// `libcurl/7.88.1 OpenSSL/3.0.19 …`
    static var version: String { unsafe String(cString: curl_version()) }

    static func words(_ code: CURLcode) -> String { unsafe String(cString: curl_easy_strerror(code)) }
    static func words(_ code: CURLMcode) -> String { unsafe String(cString: curl_multi_strerror(code)) }
}
