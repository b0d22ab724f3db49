/* Any bytes as the kernel's answer about a route and a link: the name ends, the state is one of the listed.
 */
#include "watch/routelook.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(enum routelook_found found, const struct route_view *v)
{
    if (v->state >= ROUTE_STATES || memchr(v->name, 0, sizeof(v->name)) == NULL ||
            (found != ROUTELOOK_ROUTE && found != ROUTELOOK_ERROR && found != ROUTELOOK_NOTHING)) {
        abort();
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct route_view v;
    uint8_t *exact = malloc(size);
    uint32_t seq = 1;
    int error;

    if (exact == NULL) {
        abort();
    }
    memcpy(exact, data, size);
    /* The first message's own number, so that it is taken as the answer. */
    if (size >= 12) {
        memcpy(&seq, data + 8, sizeof(seq));
    }
    memset(&v, 0, sizeof(v));
    check(routelook_parse_route(exact, size, seq, &v, &error), &v);
    check(routelook_parse_link(exact, size, seq, &v, &error), &v);
    free(exact);
    return 0;
}
