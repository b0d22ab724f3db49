#ifndef WATCH_ROUTELOOK_H
#define WATCH_ROUTELOOK_H
/*
 * routelook - which way the kernel would send a packet to an address now, and whether that way is fit
 *
 * Asked of rtnetlink(7), which costs some microseconds; so it is asked on every event and twice a second. No
 * heap. Any user may ask and listen.
 *
 * What the kernel does not say (Linux 6.1 and 6.18): the default route of IPv4 goes without RTM_DELROUTE when
 * its link is set down or its address is removed, and it stays, marked RTNH_F_LINKDOWN, when the carrier is
 * lost. The event tells when to look, the look decides. Of several events of carriers in one second only the
 * first comes at once.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROUTE_NAME 16 /* IFNAMSIZ */

enum route_state {
    ROUTE_GOOD,
    ROUTE_NONE,      /* no route: ENETUNREACH and the like */
    ROUTE_REFUSED,   /* a blackhole, unreachable or prohibit route */
    ROUTE_DEAD,      /* all its next hops are marked dead or without carrier */
    ROUTE_LINK_DOWN, /* its link is down or does not run */
    ROUTE_UNKNOWN,   /* the kernel could not be asked */
    ROUTE_STATES
};

struct route_target {
    uint8_t family;      /* AF_INET or AF_INET6 */
    uint8_t address[16]; /* network order; 4 bytes of an IPv4 address */
};

struct route_view {
    uint8_t state;          /* enum route_state */
    uint8_t type;           /* RTN_UNICAST, RTN_LOCAL, RTN_BLACKHOLE, ... */
    uint8_t gateway_family; /* 0 for none */
    int error;     /* -errno of ROUTE_NONE, ROUTE_REFUSED and ROUTE_UNKNOWN, as far as there is one */
    uint32_t link; /* interface index; 0 for none */
    uint8_t gateway[16];
    uint8_t source[16];    /* the preferred source address; all zero when the route names none */
    char name[ROUTE_NAME]; /* of the link; NUL-terminated, any bytes but NUL and '/' */
};

/* "good", "none", "refused", ... */
const char *route_state_name(unsigned state);

/* Same way: link, gateway and source. */
bool route_same(const struct route_view *a, const struct route_view *b);

/* A socket to ask with. A descriptor or -errno. */
int routelook_open(void);

/* Asks; never waits longer than half a second. `out` is always filled; ROUTE_UNKNOWN when the kernel did not
 * answer. */
void routelook_ask(int fd, const struct route_target *target, struct route_view *out);

/* A socket that hears of links, addresses, routes and rules of both families. A descriptor or -errno. */
int routelook_events_open(void);

/* Reads what waits, to the end. True when something was told; `lost` when the kernel had no room for all of
 * it. */
bool routelook_events_drain(int fd, bool *lost);

/* ---- the kernel's answers, taken apart ---- */

enum routelook_found {
    ROUTELOOK_ROUTE, /* what was asked for */
    ROUTELOOK_ERROR, /* `error` is set */
    ROUTELOOK_NOTHING
};

/* An answer to RTM_GETROUTE with this number: type, flags, link, gateway, source. The state is GOOD, REFUSED
 * or DEAD. */
enum routelook_found routelook_parse_route(
        const uint8_t *src, size_t len, uint32_t seq, struct route_view *out, int *error);

/* An answer to RTM_GETLINK: name, and LINK_DOWN where it does not run. */
enum routelook_found routelook_parse_link(
        const uint8_t *src, size_t len, uint32_t seq, struct route_view *out, int *error);

#endif
