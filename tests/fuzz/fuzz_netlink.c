/*
 * Any bytes as a datagram of netlink: messages and attributes lie inside it, names are text that ends, and a
 * change that is counted was in it.
 */
#include "watch/netlink.h"
#include "watch/views_firewall.h"
#include "watch/views_links.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_link(struct fs_bytes payload)
{
    struct link_row row;

    if (!link_parse(payload, &row)) {
        return;
    }
    if (row.name[0] == '\0' || memchr(row.name, '\0', sizeof(row.name)) == NULL ||
            memchr(row.kind, '\0', sizeof(row.kind)) == NULL ||
            memchr(row.slave, '\0', sizeof(row.slave)) == NULL || link_expected(&row, 1, 0) > 1) {
        abort();
    }
}

static void
check_changes(struct fs_bytes datagram, size_t size)
{
    struct firewall_changes c = { .commits = 0 };
    uint64_t all = 0;

    (void)firewall_take(datagram, &c);
    for (unsigned i = 0; i < FIREWALL_PARTS; i++) {
        all += (uint64_t)c.added[i] + c.removed[i];
    }
    if ((all + c.commits) * 16 > size || memchr(c.name, '\0', sizeof(c.name)) == NULL) {
        abort();
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *exact = malloc(size);
    struct netlink_message m;

    if (exact == NULL) {
        abort();
    }
    memcpy(exact, data, size);
    struct fs_bytes whole = { .at = exact, .end = exact + size };

    for (struct fs_bytes c = whole; netlink_next(&c, &m);) {
        if (m.payload.at < exact || m.payload.end > exact + size || m.payload.at > m.payload.end) {
            abort();
        }
        check_link(m.payload);
    }
    check_changes(whole, size);
    free(exact);
    return 0;
}
