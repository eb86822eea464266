import CCurl

/// libcurl's list of texts; freed with it.
@safe struct StringList: ~Copyable {
    private(set) var pointer: UnsafeMutablePointer<curl_slist>?

    init() { unsafe pointer = nil }

    deinit { unsafe curl_slist_free_all(pointer) }

    /// False where memory is exhausted. libcurl copies the text.
    mutating func append(_ line: String) -> Bool {
        guard let longer = unsafe curl_slist_append(pointer, line) else { return false }
        unsafe pointer = longer
        return true
    }
}
