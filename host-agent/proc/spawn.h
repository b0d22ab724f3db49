#ifndef PROC_SPAWN_H
#define PROC_SPAWN_H
/*
 * spawn - a new process of the agent, in sealed memory of its own. The warden's
 */
#include "proc/message.h"
#include <sys/types.h>

#define SPAWN_FDS 5         /* from ROLE_FD_CONTROL on */
#define SPAWN_NOT_FOUND 127 /* status of a program that is not there, ... */
#define SPAWN_FAILED 126    /* ... that could not be executed, or for which there was no descriptor */

struct spawn_order {
    const char *name; /* argv[0] */
    enum role role;
    unsigned index;
    uint32_t id;        /* struct role_self has it */
    int program;        /* a descriptor of what is executed */
    int fds[SPAWN_FDS]; /* -1: none */
};

/* The process, or -errno. */
pid_t spawn_role(const struct spawn_order *order);

#endif
