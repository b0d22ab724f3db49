#ifndef WATCH_VIEWS_FIREWALL_H
#define WATCH_VIEWS_FIREWALL_H
/*
 * views_firewall - changes of the nftables rule set, as the kernel tells them
 */
#include "watch/netlink.h"
#include "watch/views.h"

enum firewall_part {
    FIREWALL_TABLES,
    FIREWALL_CHAINS,
    FIREWALL_RULES,
    FIREWALL_SETS,
    FIREWALL_ELEMENTS, /* of sets: told with others only, as what blocks addresses changes them all day */
    FIREWALL_OBJECTS,
    FIREWALL_FLOWTABLES,
    FIREWALL_PARTS
};

#define FIREWALL_NAME 32

struct firewall_changes {
    uint32_t added[FIREWALL_PARTS];
    uint32_t removed[FIREWALL_PARTS];
    uint32_t commits; /* how many acts they were */
    uint32_t generation;
    uint32_t pid; /* of the last act */
    char name[FIREWALL_NAME];
    bool lost; /* there was more than the kernel kept for us */
};

/* Adds what a datagram tells. False when it is torn. */
bool firewall_take(struct fs_bytes datagram, struct firewall_changes *c);

/* Something that is told. */
bool firewall_matters(const struct firewall_changes *c);

extern const struct view_ops views_firewall_ops;

#endif
