#ifndef PROC_LANDLOCK_H
#define PROC_LANDLOCK_H
/*
 * landlock - takes files and the network from this process, for ever; what it has open stays usable
 *
 * Only the calling thread and its children: before there are others.
 */
#include <stdbool.h>
#include <stdint.h>

struct landlock_order {
    int tree;         /* a directory in which all may be done with files; -1 for none */
    bool read_all;    /* all other files may be read */
    uint16_t port[2]; /* TCP ports that may be connected to; 0 for none */
};

/* The version that was used (more is walled off by later ones), or -errno: -ENOSYS, -EOPNOTSUPP without it.
 */
int landlock_enforce(const struct landlock_order *order);

#endif
