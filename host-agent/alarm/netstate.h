#ifndef ALARM_NETSTATE_H
#define ALARM_NETSTATE_H
/*
 * netstate - whether reporting over the network works, decided from three kinds of evidence
 *
 *   L  the route or the link to the receiver is bad, for half a second in which nothing is acknowledged
 *   S  two send errors in a row
 *   A  no authenticated acknowledgement for three check-ins, and three seconds
 *
 * A alone is proof; L and S only make it faster. One sign makes it suspect, which nobody is told. A pure
 * state machine: no clock and no descriptors, times are CLOCK_BOOTTIME in ms. DESIGN.md has the table in
 * words.
 */
#include <stdbool.h>
#include <stdint.h>

#define NET_ROUTE_BAD_MS 500    /* L: so long */
#define NET_SEND_ERRORS 2       /* S: so many in a row */
#define NET_CHECKINS 3          /* A: so many without an answer, */
#define NET_SILENT_MS 3000      /* and so long */
#define NET_STEADY_ACKS 5       /* it is back after so many in a row, */
#define NET_STEADY_MS 5000      /* over so long */
#define NET_FLAPS 3             /* more losses than these */
#define NET_FLAP_MS 60000       /* within so long: one alarm, and */
#define NET_HOLD_FIRST_MS 5000  /* it has to be well for so long, doubled each time, */
#define NET_HOLD_MOST_MS 300000 /* up to so long */

enum net_state {
    NET_UP,
    NET_SUSPECT,    /* a sign, no proof; also before the first acknowledgement ever */
    NET_DOWN,       /* told as lost */
    NET_RECOVERING, /* acknowledged again, not yet for long enough: still lost for everybody else */
    NET_FLAP,       /* lost too often: stays lost until it has been well for the hold time */
    NET_STATES
};

enum net_event { NET_ROUTE_BAD, NET_ROUTE_GOOD, NET_SEND_ERROR, NET_ACK, NET_TICK, NET_EVENTS };

enum net_why { NET_WHY_NONE, NET_WHY_ROUTE, NET_WHY_SEND, NET_WHY_SILENCE };

enum net_tell {
    NET_TELL_NOTHING,
    NET_TELL_LOST,  /* the first loss is always told */
    NET_TELL_AGAIN, /* still lost: 1, 5, 30 and 300 s after, then each 300 s */
    NET_TELL_FLAP,  /* in place of LOST: it comes and goes */
    NET_TELL_BACK
};

struct netstate {
    uint8_t state; /* enum net_state */
    uint8_t why;   /* enum net_why: what the last loss was proved by */
    bool route_bad;
    unsigned send_errors; /* in a row */
    unsigned acks;        /* in a row, since it began to be well */
    unsigned repeats;     /* NET_TELL_AGAIN that were told in this loss */
    unsigned losses;      /* entries of `lost_ms` in use */
    int64_t interval_ms;  /* between two check-ins */
    int64_t route_bad_ms; /* since when */
    int64_t ack_ms;       /* the last one, or the start */
    int64_t sign_ms;      /* the first sign of what is going on; shown in what is told */
    int64_t well_ms;      /* since when it has been well, in RECOVERING and FLAP; 0 for not at all */
    int64_t told_ms;      /* when the loss was told */
    int64_t hold_ms;      /* what FLAP waits for */
    int64_t lost_ms[NET_FLAPS + 1]; /* the last losses, the newest first */
};

/* Begins: nothing is known, and nothing acknowledged counts from here. */
void netstate_init(struct netstate *n, int64_t interval_ms, int64_t now_ms);

/* What happened, and what is to be told of it. */
enum net_tell netstate_event(struct netstate *n, enum net_event event, int64_t now_ms);

/* The caller itself did not run for `absent_ms` until now: what it did not hear meanwhile is no silence. */
void netstate_absent(struct netstate *n, int64_t absent_ms, int64_t now_ms);

/* True while alarms have to go where no network is needed. */
bool netstate_lost(const struct netstate *n);

/* When a NET_TICK is due: nothing else may happen by itself before. */
int64_t netstate_due(const struct netstate *n, int64_t now_ms);

/* "up", "suspect", ...; "route", "send", "silence". */
const char *netstate_name(unsigned state);
const char *netstate_why(unsigned why);

#endif
