#ifndef BELFRY_ATTACH_ATTACH_H
#define BELFRY_ATTACH_ATTACH_H
/*
 * attach - who may write to a line, and who does
 *
 * A person reads a transcript by himself; what he types comes to belfry as requests on its socket, each with
 * what the kernel says of its sender. A line has one writer at a time, on a lease that he renews; that he
 * began and that he ended are records of the ledger, before the first and after the last byte. What was typed
 * is not kept: it may be a password.
 */
#include "belfry/ctl/request.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ATTACH_LEASE_MS 15000
#define ATTACH_WHO 80

struct run;
struct run_line;
struct out;

/* The writer of a line. */
struct attach_lease {
    uint32_t session; /* of his choice; 0 for no writer */
    int64_t until_ms;
    uint64_t bytes;
    char who[ATTACH_WHO]; /* "by=USER uid=N pid=N" */
};

/* What an Operator of the configuration means here: names looked up. */
struct attach_role {
    bool known;
    uint32_t id; /* of a user or a group */
};

struct attach_roles {
    const struct conf *conf; /* looked up for this one; NULL: not yet */
    struct attach_role role[CONF_OPERATORS];
};

/* Looks the operators' names up. At start and after a reload: this may wait for a name service. */
void attach_roles_load(struct attach_roles *r, const struct conf *conf);

/* Whether the peer has a role for this line; `name` NULL: for any. Writes who he is, "by=... uid=N pid=N". */
bool attach_may(
        const struct attach_roles *r, const struct ctl_peer *peer, const char *name, char who[ATTACH_WHO]);

/* Whether the peer is an operator of any line: ctl_welcome_fn of the struct run. */
bool attach_welcome(void *run, const struct ctl_peer *peer);

/* Answers CTL_WRITE, CTL_TAKE and CTL_LEAVE. */
void attach_answer(struct run *run, const struct ctl_request *request, struct out *out);

/* Before the line goes: ends the lease on it. */
void attach_end(struct run_line *rl);

/* Takes over the operators of a configuration that was read again, also for who is writing now. */
void attach_reload(struct run *run, const struct conf *next);

/* Once a second: ends a lease that was not renewed. */
void attach_tick(struct run_line *rl);

#endif
