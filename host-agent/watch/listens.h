#ifndef WATCH_LISTENS_H
#define WATCH_LISTENS_H
/*
 * listens - the kernel tells of each listen() as it happens, by the tracepoint sock:inet_sock_set_state
 *
 * One of it in a process. Opening needs CAP_PERFMON or CAP_SYS_ADMIN (perf_event_paranoid), reading needs
 * nothing. The kernel tells of every network namespace. It tells just before the socket can be found in the
 * tables, so a look may come too early.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LISTENS_CPUS 256

struct listen_event {
    int32_t pid;
    int32_t thread;
    uint16_t port; /* 0: the kernel will choose one */
    uint16_t family;
    uint16_t protocol; /* IPPROTO_TCP where the kernel does not tell */
    uint8_t address[16];
};

/* Where the fields lie in a sample. */
struct listens_format {
    uint16_t port;
    uint16_t family;
    uint16_t protocol; /* 0 when there is none */
    uint16_t address4;
    uint16_t address6;
    uint16_t size; /* a sample must have at least this many bytes */
};

/* Opens a ring for each processor. A descriptor to wait for, or -errno: nothing stays open or mounted. */
int listens_open(void);

void listens_close(void);

/*
 * The next event. 1, 0 when there is none, -1 when the kernel dropped some (told once for each such place).
 */
int listens_next(struct listen_event *out);

/* How many were dropped by the last -1. */
uint32_t listens_lost(void);

/* Reads the text of the tracepoint's "format" file. */
bool listens_format_parse(const char *src, size_t len, struct listens_format *out);

/* The raw part of one sample. */
bool listens_sample_parse(
        const struct listens_format *format, const uint8_t *src, size_t len, struct listen_event *out);

#endif
