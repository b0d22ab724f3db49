#ifndef BELFRY_NOTIFY_LINK_H
#define BELFRY_NOTIFY_LINK_H
/*
 * link - what belfry and a notifier say to each other
 *
 * A notifier is a process of its own (belfry-notify, or the program that its kind names), one each Notify of
 * the configuration. A SOCK_SEQPACKET pair; each message is one fixed-size object and is checked before it is
 * used. Belfry never waits for a notifier; a notifier may wait for whom it tells, at most NOTIFY_WAIT_MS at a
 * time.
 *
 * Arguments of the program: NAME KIND PLACE OPTION... as in the configuration.
 */
#include "belfry/record.h"

#define NOTIFY_ROOM 128      /* notices under way with one notifier; belfry keeps to it */
#define NOTIFY_ROWS 128      /* rows of lines and events under way with one that publishes them; likewise */
#define NOTIFY_WHY 120       /* with the NUL */
#define NOTIFY_WAIT_MS 10000 /* longest that a notifier does not look at its link */
#define NOTIFY_PART_MS 10000 /* longest that it finishes what runs when belfry is gone */

enum notify_what {
    NOTIFY_NOTICE,   /* tell it, and answer. With seq 0: tell it once, no answer is waited for */
    NOTIFY_STANDING, /* an alarm that is open at the start, or ended in the hour before it; no answer */
    NOTIFY_LINE,     /* a proved line, in `line`; answer with its `row` as seq */
    NOTIFY_EVENT,    /* what was concluded of lines, in `event`; likewise */
    NOTIFY_WHATS
};

/* A row of the ledger's lines or events. */
struct notify_row {
    int64_t row;
    struct record record;
};

struct notify_message {
    uint32_t what;  /* enum notify_what */
    uint32_t tries; /* to tell this one that failed before */
    uint32_t ahead; /* 1 when nothing else waits of its host: it goes before those of hosts with more */
    union {
        struct notice notice;
        struct notify_row row;
    } of;
};

enum notify_said {
    NOTIFY_TOLD,   /* who is told has it (or, by UDP and the like, as far as one can know) */
    NOTIFY_FAILED, /* this one failed: others may go on, it is to be tried again later */
    NOTIFY_STATE,  /* `why` is what it waits for; "" when all is well */
    NOTIFY_SAIDS
};

struct notify_answer {
    uint32_t said; /* enum notify_said */
    uint32_t what; /* of the message that is answered */
    int64_t seq;
    char why[NOTIFY_WHY]; /* printable ASCII */
};

#define NOTIFY_NUMBER 64

/* "17-K3QF.42": session and number of the line that raised it; "-" when there is none. */
const char *notify_number(const struct alarm *a, char out[NOTIFY_NUMBER]);

/* Bytes of a message on the link. */
size_t notify_size(const struct notify_message *m);

/* `size` is what was received. */
bool notify_message_valid(const struct notify_message *m, size_t size);
bool notify_answer_valid(const struct notify_answer *a, size_t size);

#endif
