/* Any text as a line of /proc/net: what is taken is a socket of the kind that was asked for. */
#include "watch/procnet.h"
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct kind {
    enum conf_proto proto;
    uint8_t family;
};

static const struct kind kinds[] = { { CONF_TCP, AF_INET }, { CONF_TCP, AF_INET6 }, { CONF_UDP, AF_INET },
    { CONF_UDP, AF_INET6 }, { CONF_UDPLITE, AF_INET6 }, { CONF_RAW, AF_INET }, { CONF_PACKET, AF_PACKET },
    { CONF_SCTP, AF_INET } };

static void
check_row(const struct kind *k, const struct socket_row *row)
{
    char text[SOCKETS_ADDRESS];
    bool family = k->proto == CONF_SCTP ? row->family == AF_INET || row->family == AF_INET6
                                        : row->family == k->family;

    if (row->port == 0 || row->port > UINT16_MAX || !family || row->key != row->inode ||
            strlen(sockets_address(row, text)) == 0) {
        abort();
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *exact = malloc(size);
    unsigned states = 0;

    if (exact == NULL) {
        abort();
    }
    memcpy(exact, data, size);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct socket_row row = { .port = 0 };

        if (procnet_parse(exact, size, kinds[i].family, kinds[i].proto, &row)) {
            check_row(&kinds[i], &row);
            states += i < 4;
        } else if (row.port != 0) {
            abort();
        }
    }
    if (states > 1) { /* a line has one family and one state */
        abort();
    }
    (void)procnet_has(exact, size, "AF_VSOCK");
    uint64_t number = 0;
    if (procnet_inuse(exact, size, "UDP", &number) && number > UINT32_MAX) {
        abort();
    }
    free(exact);
    return 0;
}
