#ifndef BELFRY_NOTIFY_NOTIFY_H
#define BELFRY_NOTIFY_NOTIFY_H
/*
 * notify - tells alarms to the world: the hook program and syslog
 *
 * A process of its own, so that a hook that hangs or a syslog that does not answer can stop nobody else. The
 * main process sends fixed-size messages and gets a fixed-size answer when each is told or has failed; it
 * keeps what is not answered in the ledger. Nothing here blocks the caller.
 */
#include "belfry/record.h"

#include <sys/types.h>

#define NOTIFY_ROOM 16 /* messages under way at a time; the sender keeps to it */
#define NOTIFY_HOOK_MS 10000
#define NOTIFY_JOBS 4 /* hooks that run at a time */

struct notify {
    int fd; /* to poll for answers; -1 when nothing is to be told */
    pid_t pid;
};

struct notify_message {
    int64_t sequence;
    unsigned tries; /* that failed before */
    bool closed;
    struct alarm alarm;
};

struct notify_answer {
    int64_t id;
    int64_t sequence;
    int64_t retry_ms; /* for the receiver's own use */
    unsigned tries;
    bool closed;
    bool told; /* false: the hook failed or was killed */
};

/* Starts the process, unless neither a hook nor syslog is configured. 0 or -errno. */
int notify_start(struct notify *n, const struct conf *conf);

/* 0, -EAGAIN when there is no room, or another -errno when the process is gone. */
int notify_send(struct notify *n, const struct notify_message *m);

/* 1 for an answer, 0 for none now, -errno when the process is gone. */
int notify_receive(struct notify *n, struct notify_answer *out);

/* The process finishes what runs (NOTIFY_HOOK_MS at most) and ends by itself. */
void notify_stop(struct notify *n);

/* The process: never returns. For notify.c. */
_Noreturn void notifier_main(int fd, const struct conf *conf);

#endif
