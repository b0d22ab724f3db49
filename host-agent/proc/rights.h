#ifndef PROC_RIGHTS_H
#define PROC_RIGHTS_H
/*
 * rights - what each process of the agent may still do once it has begun; one table for all roles
 *
 * rights_begin() first of all, rights_narrow() as soon as the role has opened what needs the starter's rights
 * and before it has threads, rights_seal() last. What cannot be taken away is told and keeps nobody from
 * guarding.
 */
#include "proc/message.h"
#include <stdbool.h>
#include <stdint.h>

/* A bit each in what these return and in CONTROL_READY. */
enum rights_layer { RIGHTS_IDS, RIGHTS_CAPS, RIGHTS_LANDLOCK, RIGHTS_SECCOMP, RIGHTS_MLOCK, RIGHTS_LAYERS };

#define RIGHTS_BIT(layer) (1u << (layer))
#define RIGHTS_ALL (RIGHTS_BIT(RIGHTS_LAYERS) - 1)

/* As in layer=NAME. */
const char *rights_layer_name(enum rights_layer layer);

/* False in builds with sanitizers, which make calls of their own. */
bool rights_has_seccomp(void);

struct rights_order {
    enum role role;
    uint32_t id;   /* of user and group; 0: those of the starter */
    int folder;    /* courier: all that it may write in; else -1 */
    uint16_t port; /* courier: the receiver's; else 0 */
    bool names;    /* courier: names are looked up */
    bool library;  /* wire: by libusb */
};

/* Descriptors above the role's own, session, limits, no core dumps, not dumpable, no new privileges. */
void rights_begin(enum role role);

/* Groups, ids, capabilities, files and network. Returns the layers that are missing. */
unsigned rights_narrow(const struct rights_order *order);

/* System calls, of all threads. Returns RIGHTS_SECCOMP's bit when it is missing. */
unsigned rights_seal(const struct rights_order *order);

/* The same for the one role that loads programs into the kernel, behind its start: it loads no more. */
unsigned rights_loaded(void);

#endif
