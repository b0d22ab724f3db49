/* Any text as a line of /proc/net: what is taken is a socket of the kind that was asked for. */
#include "watch/procnet.h"
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *exact = malloc(size);
    unsigned taken = 0;

    if (exact == NULL) {
        abort();
    }
    memcpy(exact, data, size);
    for (int i = 0; i < 4; i++) {
        struct socket_row row = { .port = 0 };
        uint8_t family = i % 2 == 0 ? AF_INET : AF_INET6;

        if (!procnet_parse(exact, size, family, i < 2 ? CONF_TCP : CONF_UDP, &row)) {
            if (row.port != 0) {
                abort();
            }
            continue;
        }
        taken++;
        if (row.port == 0 || row.family != family || row.key != row.inode) {
            abort();
        }
    }
    if (taken > 1) { /* a line has one family and one state */
        abort();
    }
    free(exact);
    return 0;
}
