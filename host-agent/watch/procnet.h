#ifndef WATCH_PROCNET_H
#define WATCH_PROCNET_H
/*
 * procnet - the same sockets as watch/sockdiag.h, from the text of /proc/net: slower, always there
 *
 * A row's key is the inode, which can be used again: an exchange between two looks is seen by the owner only.
 */
#include "watch/sockets.h"
#include <stddef.h>

/* Fills `out` anew. 0 or -errno. */
int procnet_dump(int proc, enum conf_proto proto, struct sockets *out);

/* One line without its end. False for the heading and whatever else is no socket of the kind asked for. */
bool procnet_parse(
        const char *src, size_t len, uint8_t family, enum conf_proto proto, struct socket_row *out);

#endif
