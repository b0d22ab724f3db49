/* Who a ClientHello claims to be: a host's alias that stands in the bytes, or nobody. */
#include <string.h>

#include "belfry/gate/hello.h"

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
    char host[WIRE_HOST_MAX + 1];

    if (gate_hello_host(data, size, host)) {
        check(wire_host_valid(host, strlen(host)));
        check(size >= 8 + strlen(host) && memcmp(data + 4, host, strlen(host)) == 0);
    }
    return 0;
}
