import CCurl

/// One libcurl multi handle, with the connections it keeps; all but `pointer` for waking is the loop thread's alone.
@safe struct MultiHandle: ~Copyable {
    let pointer: UnsafeMutableRawPointer

    /// Nil where memory is exhausted.
    init?() {
        CurlLibrary.initialise()
        guard let pointer = unsafe curl_multi_init() else { return nil }
        unsafe self.pointer = pointer
    }

    /// Closes the kept connections. No transfer may be left in it.
    deinit { unsafe curl_multi_cleanup(pointer) }

    func set(_ option: CURLMoption, _ value: Int) {
        _ = unsafe causeway_multi_set_long(pointer, option, value)
    }

    func add(_ easy: borrowing EasyHandle) -> CURLMcode { unsafe curl_multi_add_handle(pointer, easy.pointer) }
    func remove(_ easy: borrowing EasyHandle) { _ = unsafe curl_multi_remove_handle(pointer, easy.pointer) }

    /// Does what can be done without waiting.
    func perform() -> CURLMcode {
        var running: Int32 = 0
        return unsafe curl_multi_perform(pointer, &running)
    }

    /// Waits for a socket, a timer of libcurl's, a wake-up, or the end of the time.
    func wait(milliseconds: Int32) -> CURLMcode {
        unsafe curl_multi_poll(pointer, nil, 0, milliseconds, nil)
    }

    /// The next transfer that ended, with libcurl's result.
    func nextEnded() -> (Transfer, CURLcode)? {
        var left: Int32 = 0
        while let message = unsafe curl_multi_info_read(pointer, &left) {
            guard unsafe message.pointee.msg == CURLMSG_DONE else { continue }
            guard let owner = unsafe causeway_info_private(message.pointee.easy_handle) else { continue }
            let transfer = unsafe Unmanaged<Transfer>.fromOpaque(owner).takeUnretainedValue()
            return (transfer, unsafe message.pointee.data.result)
        }
        return nil
    }
}
