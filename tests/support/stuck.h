#ifndef TESTS_SUPPORT_STUCK_H
#define TESTS_SUPPORT_STUCK_H
/*
 * stuck - a whole agent with one good channel beside others that are stuck, or that are well as well
 *
 * A line that nobody reads (a pseudo-terminal, full), a printer that takes nothing (a full pipe), a device
 * whose open() hangs (a FUSE file that nobody answers for, where that can be mounted) and a receiver that
 * takes the connection and says nothing. To be run in namespaces of its own (net_inside()).
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define STUCK_PROCESSES 16

/* What is stuck; 0: all is well, and there is no receiver. */
#define STUCK_LINE 1u
#define STUCK_PRINTER 2u
#define STUCK_DEVICE 4u
#define STUCK_RECEIVER 8u
#define STUCK_ALL 15u

struct stuck_process {
    pid_t pid;
    char role[32];
    long own_kb;
};

struct stuck {
    char dir[32];
    unsigned what; /* is stuck */
    bool fuse;
    pid_t agent;
    pid_t reader; /* of what is well */
    int master;
    int slave;
    int pipe[2];
    int device; /* of FUSE */
    int receiver;
    int client; /* of the agent's control socket */
    struct stuck_process process[STUCK_PROCESSES];
    unsigned processes;
};

/* Starts the agent and fills its table of lines. False, after saying why, when that cannot be. */
bool stuck_begin(struct stuck *s, unsigned what);

/* A test alarm: microseconds until it is out on the good channel; -1 when it does not come. */
int64_t stuck_ring(struct stuck *s);

/* When the last pass of each of the named detectors ended, in ms; 0 for one that says nothing. */
int64_t stuck_pass_ms(struct stuck *s, const char *detector);

/* The processes of the agent, and what memory of their own each has. */
void stuck_measure(struct stuck *s);

/* Lines on the good channel that are neither test alarms nor beats: what else happened to the machine. */
unsigned stuck_news(const struct stuck *s);

/* The good channel has a line with this in it. */
bool stuck_told(const struct stuck *s, const char *text);

/* SIGTERM: milliseconds until it has ended; *status is its exit status. */
int64_t stuck_end(struct stuck *s, int *status);

#endif
