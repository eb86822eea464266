// libpq. All of it can be called from Swift as it is.
#ifndef CAUSEWAY_CPOSTGRES_SHIM_H
#define CAUSEWAY_CPOSTGRES_SHIM_H

#include <libpq-fe.h>
#include <poll.h>
#include <sys/eventfd.h>

#endif
