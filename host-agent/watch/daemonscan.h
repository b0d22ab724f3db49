#ifndef WATCH_DAEMONSCAN_H
#define WATCH_DAEMONSCAN_H
/*
 * daemonscan - which processes run the executables that the configuration lists
 *
 * By /proc/PID/exe and the file on disk, never by what a process calls itself.
 */
#include "conf/conf.h"
#include "watch/procfs.h"

#define DAEMONSCAN_KEPT 8

struct daemon_process {
    int32_t pid;
    uint64_t start; /* with the pid, who the process is */
    bool deleted;   /* its executable was replaced or removed on disk */
};

struct daemon_seen {
    uint32_t count;   /* all processes */
    uint32_t deleted; /* of them with a replaced executable */
    uint32_t kept;
    bool hidden; /* a process of the right name may not be looked at */
    struct daemon_process process[DAEMONSCAN_KEPT];
};

/* One look at all processes, for conf->daemons entries of `seen`. `alive` may be NULL. How many, or -errno.
 */
ssize_t daemonscan_all(
        int proc, const struct conf *conf, struct daemon_seen *seen, void (*alive)(void *to), void *to);

/* False for one that has ended and was not taken note of yet. A process outlives its first thread. */
static inline bool
daemonscan_lives(const struct procfs_stat *stat)
{
    return stat->state != 'X' && (stat->state != 'Z' || stat->threads > 1);
}

/*
 * One process: which entry it runs, or -1. A process that may not be looked at gives its entry by the name it
 * calls itself and sets *hidden.
 */
int daemonscan_one(int proc, const struct conf *conf, int32_t pid, struct daemon_process *out, bool *hidden);

/* The same for one whose start is known: out->pid and out->start are not touched. */
int daemonscan_exe(int proc, const struct conf *conf, int32_t pid, struct daemon_process *out, bool *hidden);

#endif
