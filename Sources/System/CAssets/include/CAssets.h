#ifndef CAUSEWAY_CASSETS_H
#define CAUSEWAY_CASSETS_H
#include <stddef.h>
// Files compiled into the binary with #embed, so that the product is one executable with nothing to lose.
const unsigned char *causeway_openapi_yaml_start(void);
extern const size_t causeway_openapi_yaml_size;

// The schemas of the objects that can be imported, as JSON; NULL after the last one.
const unsigned char *causeway_object_schema(size_t index, size_t *size);
#endif
