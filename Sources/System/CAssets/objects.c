#include "CAssets.h"

static const unsigned char partners[] = {
#embed "objects/partners.json"
};
static const unsigned char customers[] = {
#embed "objects/customers.json"
};
static const unsigned char transactions[] = {
#embed "objects/transactions.json"
};
static const unsigned char rewards[] = {
#embed "objects/rewards.json"
};
static const unsigned char leads[] = {
#embed "objects/leads.json"
};
static const unsigned char deals[] = {
#embed "objects/deals.json"
};

static const struct {
    const unsigned char *bytes;
    size_t size;
} schemas[] = {
    {partners, sizeof(partners)},         {customers, sizeof(customers)}, {transactions, sizeof(transactions)},
    {rewards, sizeof(rewards)},           {leads, sizeof(leads)},         {deals, sizeof(deals)},
};

const unsigned char *causeway_object_schema(size_t index, size_t *size) {
    if (index >= sizeof(schemas) / sizeof(schemas[0])) {
        return NULL;
    }
    *size = schemas[index].size;
    return schemas[index].bytes;
}
