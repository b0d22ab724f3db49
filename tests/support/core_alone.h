#ifndef TESTS_SUPPORT_CORE_ALONE_H
#define TESTS_SUPPORT_CORE_ALONE_H
/*
 * core_alone - the core as a process of its own, with the test as its warden, its wires and its detectors
 */
#include "conf/conf.h"
#include "proc/message.h"
#include <sys/types.h>

struct core_alone {
    char dir[32]; /* of its session and its control socket; made by core_alone_prepare() */
    pid_t pid;
    int control;      /* the warden's end */
    int pulse;        /* a timerfd that runs out when it shows no life */
    int64_t alive_ms; /* when it was told that the warden lives */
};

/* False, after saying why, when there is no room for it. */
bool core_alone_prepare(struct core_alone *c);
void core_alone_clean(struct core_alone *c);

/* Starts it with a session of its own, in a file that may be written or only read. */
void core_alone_start(struct core_alone *c, const struct conf *conf, bool writable);

/* The other end of a link that the core was given. */
int core_alone_introduce(struct core_alone *c, enum role role, unsigned index);

/* A wire, which asks for its first line. */
int core_alone_wire(struct core_alone *c, unsigned index);

/* A client on its control socket, or -1. */
int core_alone_client(const struct core_alone *c);

/* What a warden does: says that it lives, and hears. To be called often. */
void core_alone_turn(struct core_alone *c);

/* Says STOP; core_alone_ended() is true when it has ended, with its status. */
void core_alone_stop(struct core_alone *c);
bool core_alone_ended(struct core_alone *c, int *status);

#endif
