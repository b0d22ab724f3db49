#ifndef PROC_WARDEN_H
#define PROC_WARDEN_H
/*
 * warden - the parent of all: starts the roles, watches them, restarts them, stops them in order
 */
#include "conf/conf.h"

/* File names in the state directory. */
#define WARDEN_SESSION "session"
#define WARDEN_CTL "ctl"

struct warden_order {
    struct conf *conf; /* the warden's from now on: it is given back when its sealed copy is made */
    bool checks;       /* false: the core and the wires only */
    bool quiet;        /* says nothing on stderr but errors */
};

/*
 * Runs the agent until SIGTERM or SIGINT. Returns the exit status: 0 when it said goodbye, 2 when it could
 * not begin (told on stderr), 1 when the goodbye failed.
 */
int warden_run(const struct warden_order *order);

#endif
