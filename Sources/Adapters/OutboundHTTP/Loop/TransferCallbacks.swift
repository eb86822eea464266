import CCurl

extension Transfer {
    /// Makes libcurl ask this transfer. Whoever adds the handle to a loop keeps the transfer alive until it is removed.
    func installCallbacks() {
        let owner = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe handle.set(CURLOPT_PRIVATE, pointer: owner)

        unsafe handle.note(
            causeway_set_data_callback(handle.easy.pointer, CURLOPT_HEADERFUNCTION) { bytes, size, count, owner in
                guard let owner = unsafe owner else { return 0 }
                return unsafe Transfer.from(owner).receiveHeader(
                    UnsafeRawBufferPointer(start: bytes, count: size * count))
            })
        unsafe handle.set(CURLOPT_HEADERDATA, pointer: owner)

        unsafe handle.note(
            causeway_set_data_callback(handle.easy.pointer, CURLOPT_WRITEFUNCTION) { bytes, size, count, owner in
                guard let owner = unsafe owner else { return 0 }
                return unsafe Transfer.from(owner).receiveBody(
                    UnsafeRawBufferPointer(start: bytes, count: size * count))
            })
        unsafe handle.set(CURLOPT_WRITEDATA, pointer: owner)

        unsafe handle.note(
            causeway_set_open_socket(handle.easy.pointer) { owner, _, address in
                guard let owner = unsafe owner, let address = unsafe address else { return CURL_SOCKET_BAD }
                let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 16) { buffer, count in
                    count = Int(unsafe causeway_address_bytes(address, buffer.baseAddress))
                }
                guard unsafe Transfer.from(owner).mayConnect(to: IPAddress(bytes: bytes)) else {
                    return CURL_SOCKET_BAD
                }
                return unsafe causeway_open_socket(address)
            })
        unsafe handle.set(CURLOPT_OPENSOCKETDATA, pointer: owner)

        unsafe handle.note(
            causeway_set_before_request(handle.easy.pointer) { owner, peer, _, _, _ in
                guard let owner = unsafe owner else { return CURL_PREREQFUNC_ABORT }
                let transfer = unsafe Transfer.from(owner)
                let allowed = transfer.maySend(to: unsafe peer.map { unsafe String(cString: $0) })
                return allowed ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT
            })
        unsafe handle.set(CURLOPT_PREREQDATA, pointer: owner)
        if source != nil { unsafe installBodyCallbacks(owner: owner) }
    }

    private func installBodyCallbacks(owner: UnsafeMutableRawPointer) {
        unsafe handle.note(
            causeway_set_data_callback(handle.easy.pointer, CURLOPT_READFUNCTION) { bytes, size, count, owner in
                guard let owner = unsafe owner else { return Int(CURL_READFUNC_ABORT) }
                return unsafe Transfer.from(owner).provideBody(
                    UnsafeMutableRawBufferPointer(start: bytes, count: size * count))
            })
        unsafe handle.set(CURLOPT_READDATA, pointer: owner)

        unsafe handle.note(
            causeway_set_seek(handle.easy.pointer) { owner, position, origin in
                guard let owner = unsafe owner, origin == SEEK_SET else { return CURL_SEEKFUNC_FAIL }
                return unsafe Transfer.from(owner).rewind(to: Int64(position)) ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL
            })
        unsafe handle.set(CURLOPT_SEEKDATA, pointer: owner)
    }

    private static func from(_ owner: UnsafeMutableRawPointer) -> Transfer {
        unsafe Unmanaged<Transfer>.fromOpaque(owner).takeUnretainedValue()
    }
}
