import CCurl

/// One libcurl multi handle, with the connections it keeps; its loop's thread alone touches it.
///
/// It is driven by socket events (`curl_multi_socket_action`) and not by `curl_multi_perform`, which looks at every
/// transfer each time: 500 requests that only wait would slow all others down fourfold.
@safe struct MultiHandle: ~Copyable {
    private let pointer: UnsafeMutableRawPointer

    /// Nil where memory is exhausted.
    init?() {
        CurlLibrary.initialise()
        guard let pointer = unsafe curl_multi_init() else { return nil }
        unsafe self.pointer = pointer
    }

    /// Closes the kept connections. No transfer may be left in it.
    deinit {
        unsafe causeway_multi_set_callbacks(pointer, nil, nil, nil)
        unsafe curl_multi_cleanup(pointer)
    }

    func set(_ option: CURLMoption, _ value: Int) {
        _ = unsafe causeway_multi_set_long(pointer, option, value)
    }

    /// Tells `runner`, which must outlive this, what to wait for.
    func installCallbacks(for runner: LoopRunner) {
        unsafe causeway_multi_set_callbacks(
            pointer,
            { _, socket, what, owner, _ in
                guard let owner = unsafe owner else { return -1 }
                let runner = unsafe Unmanaged<LoopRunner>.fromOpaque(owner).takeUnretainedValue()
                return runner.watch(socket, for: what) ? 0 : -1
            },
            { _, milliseconds, owner in
                guard let owner = unsafe owner else { return -1 }
                unsafe Unmanaged<LoopRunner>.fromOpaque(owner).takeUnretainedValue().setTimer(milliseconds)
                return 0
            },
            unsafe Unmanaged.passUnretained(runner).toOpaque())
    }

    func add(_ easy: borrowing EasyHandle) -> CURLMcode { unsafe curl_multi_add_handle(pointer, easy.pointer) }
    func remove(_ easy: borrowing EasyHandle) { _ = unsafe curl_multi_remove_handle(pointer, easy.pointer) }

    /// Something happened on a socket.
    func act(on socket: curl_socket_t, _ events: Int32) -> CURLMcode {
        var running: Int32 = 0
        return unsafe curl_multi_socket_action(pointer, socket, events, &running)
    }

    /// The timer that libcurl set has run out.
    func actOnTimer() -> CURLMcode { act(on: CURL_SOCKET_BAD, 0) }

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
