/* The file with what the receiver's name meant: what is taken from it is at most what there is room for. */
#include "courier/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds)
{
    if (!holds) {
        __builtin_trap();
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct addresses list = { .count = 99 };

    if (!addresses_parse((const char *)data, size, "a.example", &list)) {
        check(list.count == 99);
        return 0;
    }
    check(list.count > 0 && list.count <= ADDRESSES_MAX);
    for (unsigned i = 0; i < list.count; i++) {
        check(list.at[i].family == AF_INET || list.at[i].family == AF_INET6);
    }
    return 0;
}
