#ifndef WATCH_PORTJUDGE_H
#define WATCH_PORTJUDGE_H
/*
 * portjudge - the ports that should be open against those that are
 *
 * Rules:
 * - A TCP port that listens is open. A UDP socket is a service when its port lies outside the range that the
 *   kernel hands out by itself (ip_local_port_range), when the port is listed, or when the socket has lived
 * for PORTJUDGE_PERSISTS_MS: longer than any question waits for its answer.
 * - A port's holders are all processes that hold one of its sockets. Each of them must be listed.
 * - A path in the list is an executable's path, and the file must be the one on disk: another mount namespace
 *   can show any path. A program replaced on disk still runs from its deleted file, which counts when it lies
 *   on the same device and has the same owner as the new one.
 * - A name without a slash is the last part of the path. What a process calls itself is never looked at.
 * - "-" stands for: no process that can be seen (the kernel itself, or a protected process).
 * - A holder that may not be looked at, or none found while some processes may not be looked at, is unknown:
 *   no reason to call a listed port wrong. None found though all could be seen is "-".
 * - "any" in place of a number (port 0) lets its processes hold any port of the kernel's own range.
 */
#include "watch/owners.h"

#define PORTJUDGE_PERSISTS_MS 10000

enum port_verdict { PORT_UNEXPECTED, PORT_GONE, PORT_WRONG };

struct port_fault {
    enum port_verdict verdict;
    enum conf_proto proto;
    uint16_t port;
    const struct conf_port *expected; /* NULL for PORT_UNEXPECTED */
    const struct socket_row *row;     /* NULL for PORT_GONE */
    const struct owner *owner;        /* the holder that does not belong; NULL when none is known */
};

struct portjudge {
    const struct conf *conf;
    struct book *const *book; /* CONF_PROTOS, indexed and inherited */
    int64_t now_ms;           /* as in book_inherit(); 0 when nothing's age is known */
    uint16_t local_first;
    uint16_t local_last;
    bool all_seen;    /* no process was denied to the last scan */
    int64_t next_ms;  /* out: when an UDP socket will be a service by its age; INT64_MAX for none */
    uint32_t unknown; /* out: listed ports whose holder is unknown */
    void (*fault)(void *to, const struct port_fault *f);
    void *to;
};

/* Reads ip_local_port_range; false (and the usual range) when it cannot. */
bool portjudge_local_range(struct portjudge *j, int proc);

/* Tells each port that is not as it should be, by protocol and number. */
void portjudge_run(struct portjudge *j);

/*
 * Walks the open ports in order: `each` gets the port and its rows of the book. `scratch` of the walk is
 * static, so one walk at a time.
 */
void portjudge_each(struct portjudge *j, enum conf_proto proto,
        void (*each)(void *to, uint16_t port, const struct book *b, const uint16_t *rows, unsigned count),
        void *to);

/* The list's entry for a port, or NULL. */
const struct conf_port *portjudge_expected(const struct conf *conf, enum conf_proto proto, uint16_t port);

/* "tcp/22"; returns `out`. */
#define PORTJUDGE_SUBJECT 12
const char *portjudge_subject(enum conf_proto proto, uint16_t port, char out[PORTJUDGE_SUBJECT]);

#endif
