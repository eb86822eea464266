// zlib. What it gives as macros stands here as functions.
#ifndef CAUSEWAY_CZLIB_SHIM_H
#define CAUSEWAY_CZLIB_SHIM_H

#include <zlib.h>

/// Compression into the gzip format (RFC 1952).
static inline int causeway_gzip_begin(z_stream *stream, int level) {
    return deflateInit2(stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
}

/// Decompression of the gzip format alone.
static inline int causeway_gunzip_begin(z_stream *stream) {
    return inflateInit2(stream, 15 + 16);
}

#endif
