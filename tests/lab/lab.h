#ifndef TESTS_LAB_LAB_H
#define TESTS_LAB_LAB_H
/*
 * lab - both ends on one machine: belfry on a pseudo-terminal, a paired agent, and deeds that must be proved
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define LAB_PATH 256
#define LAB_EVENT_MAX 1024
#define LAB_HOST "lab"

struct lab {
    char dir[LAB_PATH]; /* everything lies here */
    const char *belfry; /* the programs; tocsin-courier stands beside tocsin */
    const char *tocsin;
    char agent[LAB_PATH]; /* the lab's copy of tocsin */
    unsigned port;        /* on loopback, of belfry's gate */
    bool keep;
    bool quiet;
    pid_t belfry_pid;
    pid_t agent_pid;
    pid_t daemon_pid;
    int events; /* belfry's events, one a line */
    char pending[8192];
    size_t pending_len;
};

/* One line of `belfry run --events`, split in place. */
struct lab_event {
    char text[LAB_EVENT_MAX];
    const char *verdict;
    const char *severity;
    const char *code;
    const char *number; /* "17-K3QF.42" */
    const char *detail;
    int64_t at_us; /* CLOCK_MONOTONIC, when the lab read it */
};

int64_t lab_now_us(void);

/* PATH below the lab's folder. */
const char *lab_path(const struct lab *lab, const char *name, char out[LAB_PATH]);

/* Sets both ends up and starts them. False after saying what failed. */
bool lab_begin(struct lab *lab);

/* Ends what lab_begin() started, and unless lab->keep removes the folder. */
void lab_end(struct lab *lab);

/* The next event before `until_us`; false when there is none. */
bool lab_event(struct lab *lab, struct lab_event *e, int64_t until_us);

/* Starts (again) the daemon that the agent has to watch. */
bool lab_start_daemon(struct lab *lab);

/* Stops the process that listens on the network, or lets it go on: the connection stays and nobody answers.
 */
bool lab_stop_gate(struct lab *lab, bool stop);

/* Kills every process of the agent, all with SIGKILL. */
void lab_kill_agent(struct lab *lab);

/* Runs a program to its end; its standard output goes to `out`. Returns its exit status or -1. */
int lab_run(char *const argv[], const char *input, char *out, size_t size);

struct deed {
    const char *name;
    const char *code;      /* the line that must tell it */
    const char *undo_code; /* the line that must tell its end, or NULL */
    bool (*act)(struct lab *lab, int round);
    bool (*undo)(struct lab *lab, int round);
    const char *detail; /* must be in the line's details, in the lab's folder */
};

#define LAB_DEEDS 4
#define LAB_QUICK_DEEDS 3 /* that are told in milliseconds: the first ones */

extern const struct deed lab_deeds[LAB_DEEDS];

/*
 * Does it and waits for the proved line. Milliseconds from the deed to the line, or -1. With `show` each
 * event is printed as it comes.
 */
double lab_do(
        struct lab *lab, const struct deed *deed, bool undo, int round, bool show, struct lab_event *told);

void lab_show(const struct lab_event *e, int64_t from_us);

#endif
