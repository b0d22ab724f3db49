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
    s->row[s->count] = *row;
    s->row[s->count++].net = s->net;
}

/* The first row of that namespace or one behind it. */
static uint32_t
first_of(const struct sockets *s, unsigned net)
{
    uint32_t low = 0;
    uint32_t high = s->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (s->row[middle].net < net) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void
append(struct sockets *out, const struct socket_row *row, uint32_t count)
{
    uint32_t room = SOCKETS_MAX - out->count;

    if (count > room) {
        out->cut = true;
        count = room;
    }
    memcpy(&out->row[out->count], row, count * sizeof(row[0]));
    out->count += count;
}

void
sockets_append(struct sockets *s, const struct sockets *part)
{
    append(s, part->row, part->count);
    s->cut = s->cut || part->cut;
}

bool
sockets_exchange(struct sockets *out, const struct sockets *now, const struct sockets *part)
{
    uint32_t from = first_of(now, part->net);
    uint32_t past = first_of(now, part->net + 1u);

    if (past - from == part->count &&
            memcmp(&now->row[from], part->row, part->count * sizeof(part->row[0])) == 0) {
        return false;
    }
    sockets_clear(out);
    append(out, now->row, from);
    sockets_append(out, part);
    append(out, &now->row[past], now->count - past);
    return true;
}

const char *
sockets_address(const struct socket_row *row, char out[SOCKETS_ADDRESS])
{
    char text[INET6_ADDRSTRLEN] = "*";
    char device[16] = "";
    uint32_t cid;

    memcpy(&cid, row->address, sizeof(cid));
    if (row->family == AF_VSOCK && cid != UINT32_MAX) {
        snprintf(text, sizeof(text), "cid:%u", cid);
    }
    if (row->family == AF_INET || row->family == AF_INET6) {
        inet_ntop(row->family, row->address, text, sizeof(text));
    }
    if (row->device != 0) {
        snprintf(device, sizeof(device), "%%%u", row->device);
    }
    snprintf(out, SOCKETS_ADDRESS, row->family == AF_INET6 ? "[%s]%s" : "%s%s", text, device);
    return out;
}
