#include "CAssets.h"

static const unsigned char openapi_yaml[] = {
#embed "../../../openapi/causeway.yaml"
};
const unsigned char *causeway_openapi_yaml_start(void) { return openapi_yaml; }
const size_t causeway_openapi_yaml_size = sizeof(openapi_yaml);
