/* Any text as a port's number of each protocol: what is taken is written and read back the same. */
#include "conf/conf.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *exact = malloc(size);

    if (exact == NULL) {
        abort();
    }
    memcpy(exact, data, size);
    for (unsigned proto = 0; conf_proto_name(proto) != NULL; proto++) {
        struct conf_port first;
        struct conf_port second;
        char place[CONF_PLACE];

        memset(&first, 0, sizeof(first));
        memset(&second, 0, sizeof(second));
        first.proto = second.proto = (uint8_t)proto;
        if (!conf_port_parse(exact, size, &first)) {
            continue;
        }
        conf_port_place(&first, place);
        if (!conf_port_parse(place, strlen(place), &second) || memcmp(&first, &second, sizeof(first)) != 0) {
            abort();
        }
    }
    free(exact);
    return 0;
}
