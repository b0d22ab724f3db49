#ifndef COURIER_NEWS_H
#define COURIER_NEWS_H
/*
 * news - what the core is to be told
 *
 * The courier never waits for the core. What does not fit into the link is kept, one message of each kind
 * with the newest content, in the order in which each was last told: nothing is lost that counts, for what is
 * old is contained in what is new.
 */
#include "proc/message.h"

struct news {
    struct courier_message message[COURIER_KINDS];
    uint8_t order[COURIER_KINDS]; /* kinds, the oldest first */
    unsigned count;
};

/* Takes it; COURIER_DROPPED adds up. */
void news_tell(struct news *n, const struct courier_message *m);

/* Sends what fits. 0 or -errno when the core is gone. */
int news_send(struct news *n, int fd);

#endif
