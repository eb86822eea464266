#include "CAssets.h"

const unsigned char causeway_openapi_yaml[] = {
#embed "../../../openapi/causeway.yaml"
};
const size_t causeway_openapi_yaml_size = sizeof(causeway_openapi_yaml);
