#ifndef BELFRY_NOTIFY_MESSAGE_H
#define BELFRY_NOTIFY_MESSAGE_H
/*
 * message - notices as a mail (RFC 5322)
 *
 * Printable ASCII in lines that are folded at MESSAGE_LINE bytes where they can be, each ended by LF as
 * programs like sendmail take it. Nothing that comes from a host can begin a line, so it can neither add a
 * header nor end the mail. Message-ID and Date come from the notices alone: a mail of the same ones is the
 * same mail, and what a server got twice it can drop.
 */
#include "belfry/record.h"

#define MESSAGE_LINE 78 /* section 2.1.1: what should not be exceeded, without the line end */
#define MESSAGE_MAX 262144
#define MESSAGE_TO 16

struct message_envelope {
    const char *from;
    const char *to[MESSAGE_TO];
    unsigned count;
    const char *hostname; /* of this machine, for Message-ID */
};

/* Its length; `count` is at least 1. What does not fit is left out, and the mail says so. */
size_t message_write(char out[MESSAGE_MAX], const struct message_envelope *e,
        const struct notice *const *notice, unsigned count);

#endif
