// libzstd. What it gives as macros, or with types Swift does not read well, stands here as functions.
#ifndef CAUSEWAY_CZSTD_SHIM_H
#define CAUSEWAY_CZSTD_SHIM_H

#include <zstd.h>
#include <zstd_errors.h>

/// For decompression; NULL where there is no memory. Frames that want a window of more than 2^window_log bytes fail.
static inline ZSTD_DCtx *causeway_zstd_begin(int window_log) {
    ZSTD_DCtx *context = ZSTD_createDCtx();
    if (context != NULL) ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, window_log);
    return context;
}

static inline int causeway_zstd_wants_larger_window(size_t code) {
    return ZSTD_getErrorCode(code) == ZSTD_error_frameParameter_windowTooLarge;
}

#endif
