#ifndef WATCH_LISTENS_H
#define WATCH_LISTENS_H
/*
 * listens - the kernel tells of each listen() as it happens: a BPF program on the raw tracepoint
 * inet_sock_set_state
 *
 * One of it in a process. Opening needs CAP_SYS_ADMIN and Linux 5.8, reading needs nothing. The kernel tells
 * of every network namespace. It tells just before the socket can be found in the tables, so a look may come
 * too early.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct listen_event {
    int32_t pid; /* 0 when it is of another pid namespace */
    int32_t thread;
    uint16_t port; /* 0: the kernel will choose one */
    uint16_t family;
    uint16_t protocol; /* IPPROTO_TCP, IPPROTO_SCTP, or 0 */
    uint8_t address[16];
};

/* Where the kernel has in struct sock what is told. */
struct listens_layout {
    uint16_t address4;
    uint16_t port;
    uint16_t family;
    uint16_t protocol; /* the pointer to struct proto */
    uint16_t address6;
};

/* struct sock_common of a 64-bit kernel (include/net/sock.h): so since before 5.8, and promised by nobody. */
extern const struct listens_layout listens_usual;

/*
 * Proves the layout with listeners of its own, at addresses that nobody can reach. A descriptor to wait for;
 * -EPROTO when the kernel's is another one, or -errno: nothing stays open.
 */
int listens_open(const struct listens_layout *layout);

void listens_close(void);

/* The next event. 1, 0 when there is none or nothing is open, -1 when the kernel dropped some (told once for
 * each such place). */
int listens_next(struct listen_event *out);

/* How many were dropped by the last -1. */
uint32_t listens_lost(void);

#endif
