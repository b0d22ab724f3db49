#ifndef BELFRY_NOTIFY_RFC5424_H
#define BELFRY_NOTIFY_RFC5424_H
/*
 * rfc5424 - a notice as a syslog message
 *
 * All of it is printable ASCII, so it has neither a line end nor a byte order mark (section 6.4 asks for one
 * only where UTF-8 goes beyond ASCII). The structured data has what a program wants to know; its enterprise
 * number is the one of section 6.3.2 for documentation. `seq` is the same when a notice is told again.
 */
#include "belfry/record.h"

/* The longest that rfc5424_message() makes, with its NUL. */
#define RFC5424_MAX 2048

struct rfc5424_from {
    int facility;         /* as syslog(3) takes it */
    const char *hostname; /* of this machine; "" for not known */
    long pid;
};

/* Its length. */
size_t rfc5424_message(char out[RFC5424_MAX], const struct rfc5424_from *from, const struct notice *n);

#endif
