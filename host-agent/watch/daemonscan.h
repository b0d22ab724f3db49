#ifndef WATCH_DAEMONSCAN_H
#define WATCH_DAEMONSCAN_H
/*
 * daemonscan - which processes are those of the daemons that the configuration lists
 *
 * By /proc/PID/exe and the file on disk, by control group, arguments and pid file, never by what a process
 * calls itself.
 */
#include "conf/conf.h"
#include "watch/procimage.h"

#define DAEMONSCAN_KEPT 8

struct daemon_process {
    int32_t pid;
    uint64_t start;   /* with the pid, who the process is */
    enum image image; /* of what it runs; a listed path is right wherever it lies */
};

struct daemon_seen {
    uint32_t count; /* all processes */
    uint32_t stale; /* of them with another image than IMAGE_SAME */
    uint32_t kept;
    bool hidden; /* a process of the right name may not be looked at */
    struct daemon_process process[DAEMONSCAN_KEPT];
};

/* Of each daemon a bit. */
struct daemon_match {
    uint64_t runs;
    uint64_t hidden; /* it may be one, and may not be looked at */
};

_Static_assert(CONF_DAEMONS <= 64, "a daemon is a bit");

/* One look at all processes, for conf->daemons entries of `seen`. `alive` may be NULL. How many, or -errno.
 */
ssize_t daemonscan_all(
        int proc, const struct conf *conf, struct daemon_seen *seen, void (*alive)(void *to), void *to);

/* Takes notice of pid files that were written anew; daemonscan_all() does. */
void daemonscan_pidfiles(const struct conf *conf);

/* False for one that has ended and was not taken note of yet. A process outlives its first thread. */
static inline bool
daemonscan_lives(const struct procfs_stat *stat)
{
    return stat->state != 'X' && (stat->state != 'Z' || stat->threads > 1);
}

/* One process. False when it is gone or is nobody's. out->image is that for the first daemon it fits. */
bool daemonscan_one(int proc, const struct conf *conf, int32_t pid, struct daemon_process *out,
        struct daemon_match *match);

/* The same for one daemon and a process whose pid and start are known: out->image is set. */
bool daemonscan_is(int proc, const struct conf *conf, unsigned i, struct daemon_process *out);

#endif
