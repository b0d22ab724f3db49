#ifndef COURIER_DIALER_H
#define COURIER_DIALER_H
/*
 * dialer - gets a TCP connection to one of the receiver's addresses, and again when it is lost
 *
 * While an attempt waits for an answer, the next one begins: the kernel repeats a lost SYN after 1, 2, 4 s
 * only, and a network that is back would be noticed that late. The first that is connected is taken. What
 * failed at once is tried again after 250 ms, then 500 ms, then each second; when the receiver was reached
 * and did not want us, up to 5 s go by. All waits are spread by a quarter, so that many agents do not come at
 * once.
 */
#include "courier/address.h"
#include <poll.h>

#define DIALS 6
#define DIAL_MS 3000 /* for one attempt */
#define DIAL_NEXT_MS 500
#define DIAL_FIRST_MS 250
#define DIAL_FAILED_MOST_MS 1000
#define DIAL_REFUSED_MOST_MS 5000
#define DIAL_STEADY_MS 10000 /* a connection that lasted so long was wanted */

struct dial {
    int fd; /* -1: free */
    int64_t began_ms;
    struct address at;
};

struct dialer {
    struct addresses to;
    uint16_t port;
    unsigned turn; /* of the addresses */
    struct dial dial[DIALS];
    int64_t due_ms; /* the next attempt */
    int64_t wait_ms;
    uint32_t random;
    void (*failed)(void *owner, int error); /* errno of an attempt that failed */
    void *owner;
};

void dialer_init(struct dialer *d, uint16_t port, uint32_t seed);

/* Where to; attempts under way go on. */
void dialer_aim(struct dialer *d, const struct addresses *to);

/* Something changed: the next attempt is due now. */
void dialer_hurry(struct dialer *d, int64_t now_ms);

/* The connection it got has ended after `lasted_ms`; `refused` when the receiver did not want it. */
void dialer_again(struct dialer *d, bool refused, int64_t lasted_ms, int64_t now_ms);

/* Goes on. A connected descriptor, which is the caller's, with its address in `at`, or -1. */
int dialer_work(struct dialer *d, struct address *at, int64_t now_ms);

int64_t dialer_due(const struct dialer *d, int64_t now_ms);

/* Gives up all attempts. */
void dialer_stop(struct dialer *d);

#endif
