import Glibc

/// How many sockets and files the process may have open. Shells start programs with 1,024, which idle callers could use
/// up; the hard limit is the operator's word.
enum FileDescriptorLimit {
    static func raise() {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}
