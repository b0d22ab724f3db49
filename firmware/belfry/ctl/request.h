#ifndef BELFRY_CTL_REQUEST_H
#define BELFRY_CTL_REQUEST_H
/*
 * request - what may be asked on STATE/ctl: one line of text, answered by lines of tab-separated fields and
 * "end"
 *
 *     status
 *     ack ID NAME        NAME escaped as a value on the wire
 */
#include "belfry/conf.h"

#define CTL_REQUEST_MAX 200

struct ctl_request {
    enum { CTL_STATUS, CTL_ACK } what;
    int64_t alarm;
    char by[CONF_NAME]; /* printable, without blanks: escaped */
};

/* One line without its line end. False when it is not a request. */
bool ctl_parse(const char *src, size_t len, struct ctl_request *out);

/* Writes a request that ctl_parse() takes, with its line end. Returns its length. */
size_t ctl_compose(const struct ctl_request *r, char out[CTL_REQUEST_MAX]);

#endif
