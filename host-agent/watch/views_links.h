#ifndef WATCH_VIEWS_LINKS_H
#define WATCH_VIEWS_LINKS_H
/*
 * views_links - network interfaces that take packets for others (promiscuous)
 */
#include "watch/netlink.h"
#include "watch/views.h"

#define LINK_TEXT 16

struct link_row {
    int32_t index;
    int32_t lower;        /* the interface that it stands on (a VLAN on its card), or 0 */
    uint32_t promiscuity; /* how many want it to be */
    char name[LINK_TEXT];
    char kind[LINK_TEXT];
    char slave[LINK_TEXT]; /* what it is a port of: "bridge", "bond", ... */
};

/* The payload of an RTM_NEWLINK. False when it is none. */
bool link_parse(struct fs_bytes payload, struct link_row *out);

/*
 * How many may want row `i` to be promiscuous: a bridge or bond that it is a port of, and each promiscuous
 * interface that stands on it, as that is judged by itself.
 */
uint32_t link_expected(const struct link_row *rows, unsigned count, unsigned i);

extern const struct view_ops views_links_ops;

#endif
