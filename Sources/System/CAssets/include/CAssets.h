#ifndef CAUSEWAY_CASSETS_H
#define CAUSEWAY_CASSETS_H
#include <stddef.h>
// Files compiled into the binary with #embed, so that the product is one executable with nothing to lose.
const unsigned char *causeway_openapi_yaml_start(void);
extern const size_t causeway_openapi_yaml_size;
#endif
