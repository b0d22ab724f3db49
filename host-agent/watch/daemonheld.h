#ifndef WATCH_DAEMONHELD_H
#define WATCH_DAEMONHELD_H
/*
 * daemonheld - one process of a watched daemon, held so that its pid can mean no other
 *
 * What is kept open of it: a pidfd, which tells its end at once, and PID/stat and PID/cgroup, which are read
 * again and again and can be read no more when it has ended.
 *
 * A process that slept and has not run since still sleeps: to be stopped, to be held by a debugger and to be
 * frozen by a group of version 2 it has to run first. How long it ran costs a tenth of its state. A debugger
 * can hold threads one by one: all of them are looked at when one ran, each eighth time at most.
 */
#include "watch/daemonscan.h"
#include "watch/freezer.h"
#include <time.h>

enum held_state {
    HELD_GONE,
    HELD_RUNS,
    HELD_STOPPED, /* by a signal */
    HELD_TRACED,  /* by a debugger */
    HELD_FROZEN,  /* by its control group */
    HELD_STATES
};

/* Which one it is, and when it was changed, renamed or linked last. All zero: not known. */
struct held_file {
    uint64_t device;
    uint64_t inode;
    struct timespec changed;
};

struct held {
    int32_t pid; /* 0: free */
    int32_t parent;
    int fd;          /* a pidfd, or -1 where the kernel has none */
    int stat;        /* PID/stat, or -1 when no descriptor was left */
    int64_t ran;     /* its CPU time before the last look; 0: not known */
    bool slept;      /* at the last look in full */
    unsigned rested; /* looks since */
    uint64_t start;
    enum image image;        /* of what it runs */
    unsigned passed_over;    /* looks since it was asked whether that may have changed */
    unsigned image_rested;   /* times that it was asked since the look at what it runs */
    int64_t image_ran;       /* its CPU time then; 0: not known */
    struct held_file file;   /* to which its path led then */
    bool blind;              /* whether it is frozen cannot be seen */
    bool threads_ran;        /* since they were looked at */
    unsigned threads_rested; /* looks since */
    enum held_state threads; /* what one of them was then */
    enum held_state seen;    /* at the last look */
    enum held_state state;   /* what counts: not running counts when two looks in a row saw it */
    uint64_t group;          /* of version 2, when `freezer` was looked at in full; 0: not known */
    struct freezer_watch freezer;
};

/* As alarms and commands say it: "stopped", "traced", "frozen". NULL for the others. */
const char *held_state_name(enum held_state state);

void held_init(struct held *h);

/* Takes hold. False when the process is gone: then nothing is held. */
bool held_begin(
        struct held *h, int proc, const struct freezer *freezer, const struct daemon_process *process);
void held_end(struct held *h);

/* One look. False when it has ended; the caller calls held_end(). */
bool held_look(struct held *h, int proc, const struct freezer *freezer);

/*
 * For one look only: the first process of these that does not run though it should. HELD_RUNS and 0 for
 * none. What it sees counts at once.
 */
enum held_state held_look_once(
        int proc, const struct freezer *freezer, const struct daemon_seen *seen, int32_t *pid);

#endif
