/* Any bytes as an answer of the kernel: rows stay within the answer's size, and a cut answer is not the end.
 */
#include "watch/sockdiag.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sockets sockets;
    uint8_t *exact = malloc(size);
    int error = 0;

    if (exact == NULL) {
        abort();
    }
    memcpy(exact, data, size);
    sockets_clear(&sockets);
    /* The first message's own number, so that it is taken as the answer. */
    uint32_t seq = 1;
    if (size >= 12) {
        memcpy(&seq, data + 8, sizeof(seq));
    }
    enum sockdiag_more more = sockdiag_parse(exact, size, seq, &sockets, &error);

    if ((more == SOCKDIAG_BAD) != (error != 0) || error > 0 || sockets.count > size / 16) {
        abort();
    }
    for (uint32_t i = 0; i < sockets.count; i++) {
        char text[SOCKETS_ADDRESS];

        if (sockets.row[i].port == 0 || strlen(sockets_address(&sockets.row[i], text)) == 0) {
            abort();
        }
    }
    free(exact);
    return 0;
}
