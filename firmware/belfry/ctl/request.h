#ifndef BELFRY_CTL_REQUEST_H
#define BELFRY_CTL_REQUEST_H
/*
 * request - what may be asked on STATE/ctl: one line of text, answered by lines of tab-separated fields and
 * "end"
 *
 *     status [FROM]      the lines, from the one of this place on
 *     hosts [FROM]       the paired hosts
 *     alarms [FROM]      the open alarms, the worst first
 *     recent             the alarms that were raised last, open or not
 *     beats [BEFORE]     how many lines were proved in which minute, in pieces of the ledger, backwards from
 *                        this row
 *     ack ID NAME        NAME escaped as a value on the wire
 *     reload             the configuration is read again
 *
 *     write LINE SESSION HEX   bytes for a line, or - for none: becomes its writer, or stays it
 *     take LINE SESSION HEX    the same, in the place of another writer
 *     leave LINE SESSION       writes no more
 *
 * An answer is bounded. When there is more, its last line but "end" is "more" and the number to ask with
 * next. DESIGN.md says what the fields are.
 */
#include "belfry/conf.h"

#define CTL_REQUEST_MAX 200
#define CTL_BYTES 64
#define CTL_GROUPS 32

/* What the kernel says of a client. */
struct ctl_peer {
    uint32_t uid;
    uint32_t gid;
    int32_t pid;
    unsigned groups;
    uint32_t group[CTL_GROUPS];
};

struct ctl_request {
    enum {
        CTL_STATUS,
        CTL_HOSTS,
        CTL_ALARMS,
        CTL_RECENT,
        CTL_BEATS,
        CTL_ACK,
        CTL_WRITE,
        CTL_TAKE,
        CTL_LEAVE,
        CTL_RELOAD
    } what;
    int64_t from;         /* 0: from the beginning */
    int64_t alarm;        /* CTL_ACK */
    char by[CONF_NAME];   /* printable, without blanks: escaped */
    char line[CONF_NAME]; /* CTL_WRITE, CTL_TAKE and CTL_LEAVE; printable, without blanks */
    uint32_t session;     /* likewise: whose it is among those who write; not 0 */
    uint8_t count;        /* bytes to write */
    uint8_t bytes[CTL_BYTES];
    const struct ctl_peer *peer; /* who asks; NULL for a program of belfry's own */
};

/* It is about writing to a line. */
bool ctl_writes(const struct ctl_request *r);

/* It asks for more than an answer. */
bool ctl_changes(const struct ctl_request *r);

/* One line without its line end. False when it is not a request. */
bool ctl_parse(const char *src, size_t len, struct ctl_request *out);

/* Writes a request that ctl_parse() takes, with its line end. Returns its length. */
size_t ctl_compose(const struct ctl_request *r, char out[CTL_REQUEST_MAX]);

#endif
