#include "watch/sockets.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

void
sockets_clear(struct sockets *s)
{
    s->count = 0;
    s->cut = false;
}

void
sockets_add(struct sockets *s, const struct socket_row *row)
{
    if (s->count == SOCKETS_MAX) {
        s->cut = true;
        return;
    }
    s->row[s->count++] = *row;
}

bool
sockets_same(const struct sockets *a, const struct sockets *b)
{
    return a->count == b->count && a->cut == b->cut &&
           memcmp(a->row, b->row, a->count * sizeof(a->row[0])) == 0;
}

const char *
sockets_address(const struct socket_row *row, char out[SOCKETS_ADDRESS])
{
    char text[INET6_ADDRSTRLEN] = "?";

    inet_ntop(row->family, row->address, text, sizeof(text));
    snprintf(out, SOCKETS_ADDRESS, row->family == AF_INET6 ? "[%s]" : "%s", text);
    return out;
}
