#ifndef WATCH_NETSPACES_H
#define WATCH_NETSPACES_H
/*
 * netspaces - the network namespaces of this machine, and how to look into them
 *
 * One of it in a process. The reader's own is number 0. The others are found by the processes and threads in
 * them and by their names in /run/netns. None is kept open between two looks: that would keep a namespace,
 * and its interfaces, after the last of its processes. Entering needs CAP_SYS_ADMIN, finding those of other
 * users' processes CAP_SYS_PTRACE. A namespace that only an open descriptor keeps is not found.
 */
#include "watch/socktable.h"

#define NETSPACES_MAX 64              /* besides the reader's own */
#define NETSPACES_GONE UINT8_MAX      /* the process is, or it may not be looked at */
#define NETSPACES_OUT (UINT8_MAX - 1) /* a namespace that is not looked at, or that there is no room for */

/* Begins anew. With `all` false no other namespace is ever found. */
void netspaces_open(int proc, bool all);

void netspaces_close(void);

/* Begins to look for all; goes on until it is done (true) or has seen `processes` more of them. */
void netspaces_search(void);
bool netspaces_step(uint32_t processes);

/* The number of a process's namespace, which is noted when it is new; NETSPACES_GONE, NETSPACES_OUT. */
uint8_t netspaces_of(int32_t pid);

/* Does the number stand for a namespace? */
bool netspaces_used(unsigned net);

/* There are more than fit. */
bool netspaces_more(void);

/* Some could not be entered: their sockets were read as text, or not at all. Since netspaces_open(). */
bool netspaces_denied(void);

/* "" for number 0, the name in /run/netns, or the inode number as text. */
const char *netspaces_name(unsigned net);

/* Does `wanted`, as in struct conf_port, mean this one? */
bool netspaces_is(unsigned net, const char *wanted);

/*
 * The sockets of another namespace, to be asked until netspaces_leave(), which must follow. Nothing else may
 * be done in between: the thread is in that namespace. 0, or -errno when it cannot be looked at.
 */
int netspaces_enter(unsigned net, const struct socktable *own, struct socktable *out);
void netspaces_leave(struct socktable *table);

#endif
