#ifndef WATCH_PORTJUDGE_H
#define WATCH_PORTJUDGE_H
/*
 * portjudge - the ports that should be open against those that are
 *
 * Rules:
 * - A TCP, SCTP or vsock port that listens is open, and so is every packet socket, and every raw socket but
 * those for ICMP. A UDP socket is a service when its port lies outside the range that the kernel hands out by
 * itself (ip_local_port_range), when the port is listed, or when the socket has lived for
 * PORTJUDGE_PERSISTS_MS: longer than any question waits for its answer. For a raw socket for ICMP, as ping
 * has, the same holds.
 * - A port's holders are all processes that hold one of its sockets. Each of them must be listed.
 * - A path in the list is an executable's path, and the file must be the one on disk: another mount namespace
 *   can show any path. A program replaced on disk still runs from its deleted file, which counts when it lies
 *   on the same device and has the same owner as the new one.
 * - A name without a slash is the last part of the path. What a process calls itself is never looked at.
 * - "-" stands for: no process that can be seen (the kernel itself, or a protected process).
 * - A holder that may not be looked at, or none found while some processes may not be looked at, is unknown:
 *   no reason to call a listed port wrong. None found though all could be seen is "-".
 * - "any" in place of a number (port 0) lets its processes hold any port of the kernel's own range, and any
 *   number of a raw, packet or vsock socket.
 * - With an address, a user or units in the list, the socket must be bound there, must have been made by that
 * user, and each holder must run in one of these units. A port may have several entries: each of its sockets
 * must be right by one of them.
 * - An entry is about the agent's own network namespace, unless it names others.
 * - A port that is open again within DaemonGrace is not gone: its daemon is restarted.
 */
#include "watch/netspaces.h"
#include "watch/owners.h"

#define PORTJUDGE_PERSISTS_MS 10000

enum port_verdict { PORT_UNEXPECTED, PORT_GONE, PORT_WRONG };

/* What about it is wrong, for PORT_WRONG. */
enum port_reason { PORT_BY_HOLDER, PORT_BY_ADDRESS, PORT_BY_USER, PORT_BY_UNIT };

struct port_fault {
    enum port_verdict verdict;
    enum port_reason reason;
    enum conf_proto proto;
    uint32_t port;
    const struct conf_port *expected; /* NULL for PORT_UNEXPECTED */
    const struct socket_row *row;     /* NULL for PORT_GONE */
    const struct owner *owner;        /* the holder that does not belong; NULL when none is known */
};

struct portjudge {
    const struct conf *conf;
    struct book *const *book; /* CONF_PROTOS, indexed and inherited */
    int proc;                 /* /proc, or -1 when all that is known is new */
    int64_t now_ms;           /* as in book_inherit(); 0 when nothing's age is known */
    uint16_t local_first;
    uint16_t local_last;
    bool vsock_unlisted;           /* nothing is known of vsock sockets */
    bool all_seen;                 /* no process was denied to the last scan */
    int64_t next_ms;               /* out: when a socket will be a service by its age; INT64_MAX for none */
    uint32_t unknown;              /* out: listed ports whose holder is unknown */
    uint32_t uid[CONF_PORTS];      /* of each entry's user */
    int64_t missed_ms[CONF_PORTS]; /* since when an entry's port is not open; 0: it is */
    void (*fault)(void *to, const struct port_fault *f);
    void *to;
};

/*
 * Reads what this machine says about users and its ip_local_port_range (the usual range when it cannot), and
 * tells owners whether units are wanted.
 */
void portjudge_begin(struct portjudge *j, int proc);

/* Reads ip_local_port_range again. */
void portjudge_local_range(struct portjudge *j, int proc);

/* Tells each port that is not as it should be, by protocol, number and namespace. */
void portjudge_run(struct portjudge *j);

/*
 * Walks the open ports in order: `each` gets the port and its rows of the book, all of one namespace. The
 * walk's rows are static, so one walk at a time.
 */
void portjudge_each(struct portjudge *j, enum conf_proto proto,
        void (*each)(void *to, uint32_t port, const struct book *b, const uint16_t *rows, unsigned count),
        void *to);

/* Is the entry about this port? */
bool portjudge_about(const struct conf_port *entry, enum conf_proto proto, uint32_t port, unsigned net);

/* Does the entry let a socket be bound there, and a process of this unit hold it? "" for a process without
 * one. */
bool portjudge_address_fits(const struct conf_port *entry, const struct socket_row *row);
bool portjudge_unit_fits(const struct conf_port *entry, const char *unit);

/* Do entries with "any" let the holders of all these sockets hold their port? */
bool portjudge_any(const struct portjudge *j, enum conf_proto proto, const struct book *b,
        const uint16_t *rows, unsigned count);

/* May the kernel have chosen this number by itself, or is it of a kind without such a range? */
bool portjudge_is_local(const struct portjudge *j, enum conf_proto proto, uint32_t port);

/* "tcp/22", "packet/ip", "tcp/80@web"; returns `out`. */
#define PORTJUDGE_SUBJECT 96
const char *portjudge_subject(
        enum conf_proto proto, uint32_t port, const char *netns, char out[PORTJUDGE_SUBJECT]);

/* The same of a fault. */
const char *portjudge_fault_subject(const struct port_fault *f, char out[PORTJUDGE_SUBJECT]);

#endif
