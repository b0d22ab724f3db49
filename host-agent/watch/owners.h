#ifndef WATCH_OWNERS_H
#define WATCH_OWNERS_H
/*
 * owners - which processes hold a socket, by the links in /proc/PID/fd, those of threads, and /proc/PID/exe
 *
 * A book keeps the sockets of one protocol with what is known of their holders. A scan goes through all
 * processes, newest first, and can be done in slices; it fills the books it was begun with. One that knows
 * all sockets leaves out who did not run since the last, and begins anew when a holder is gone. Executables
 * are kept once, in a table that all books share and that a process's later look can only add to until
 * owners_forget().
 */
#include "watch/proctables.h"
#include "watch/sockets.h"

#define OWNERS_A_SOCKET 8
#define OWNERS_EXES 2048
#define OWNERS_PIDS 131072
#define OWNERS_NO_EXE UINT16_MAX /* it may not be looked at, or the table is full */
#define OWNERS_UNITS 512
#define OWNERS_NO_UNIT UINT16_MAX /* not asked for, or the table is full */

struct owner {
    int32_t pid; /* the newest process with this executable, in this unit, that holds the socket */
    uint16_t exe;
    uint16_t unit;
    uint16_t scan; /* in which scan it was last seen */
};

/* Every holder, by a scan of all that left out nobody who has a socket. */
enum owned_known { OWNED_NEW, OWNED_ASKED, OWNED_KNOWN };

struct owned {
    uint8_t count;
    bool more;        /* there were more executables than fit: never a match */
    bool searched;    /* a scan over all processes has looked for its holders */
    uint8_t known;    /* enum owned_known */
    int64_t first_ms; /* when the socket was first seen */
    struct owner owner[OWNERS_A_SOCKET];
};

struct book {
    struct sockets sockets;
    struct owned owned[SOCKETS_MAX];
    uint32_t index_size; /* a power of two, 0 before book_index() */
    uint16_t index[2 * SOCKETS_MAX];
};

struct owner_exe {
    const char *path;
    uint32_t len;
    struct procfs_file file;
};

struct owner_scan {
    int proc;
    struct book *const *book; /* CONF_PROTOS of them, NULL for what is not asked; may change between steps */
    bool all;                 /* every holder of every socket; else the first one of those not searched yet */
    bool quick;               /* who did not run since it was looked at holds what it held */
    uint32_t wanted;          /* sockets still without a holder, when not `all` */
    uint32_t denied;          /* processes whose descriptors could not be read */
    uint16_t number;
    struct proctables tables;
    int dir;        /* the open table, below 0 between two processes */
    int64_t left;   /* descriptors not read yet by their number; -1: their names must be listed */
    uint32_t tried; /* numbers that were tried */
    bool dir_over;  /* its last descriptor was seen */
    int32_t pid;
    uint16_t exe;
    uint16_t unit;
    bool exe_known;
    bool pid_denied;
    bool any_socket; /* of whatever kind */
    size_t next;     /* pids left */
};

/* Makes book_find() work for the rows that are in the book now. */
void book_index(struct book *b);

/* The row with that inode, or -1. */
int32_t book_find(const struct book *b, uint64_t inode);

/* Fills in what `before` knew of the sockets that both hold; the rest starts as new at `now_ms`. */
void book_inherit(struct book *b, const struct book *before, int64_t now_ms);

/* What is known of an executable; NULL for OWNERS_NO_EXE. Valid until owners_forget(). */
const struct owner_exe *owners_exe(uint16_t exe);

/* From now on holders are told apart by their unit, too: a file more to read for each process. */
void owners_want_units(bool wanted);
bool owners_wants_units(void);

/* The name of a unit; NULL for OWNERS_NO_UNIT. Valid until owners_forget(). */
const char *owners_unit(uint16_t unit);

/* Empties the tables of executables and units. All books must be scanned again. */
void owners_forget(void);

/* True when a table is so full that a scan should begin with owners_forget(). */
bool owners_crowded(void);

/*
 * Begins a scan; only one at a time. `book` stays the caller's, and must stay valid. With `all` false it ends
 * early, when each socket that was not searched yet has one holder. 0 or -errno.
 */
int owner_scan_begin(struct owner_scan *s, int proc, struct book *const *book, bool all);

/*
 * Goes on until it is done (true) or until about `descriptors` links were read. When it is done, the books'
 * sockets are `searched`, and holders that a full scan did not find any more are gone from them.
 */
bool owner_scan_step(struct owner_scan *s, uint32_t descriptors);

/* Looks at one process only, whatever a scan is at. True when it holds one of the books' sockets. */
bool owners_ask(int proc, struct book *const *book, int32_t pid);

#endif
