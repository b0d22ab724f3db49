#ifndef TESTS_ATTACK_ATTACK_H
#define TESTS_ATTACK_ATTACK_H
/*
 * attack - what an attacker who is root does, and how long it takes until the receiver shows it
 *
 * Real agent, real receiver, a pseudo-terminal as the serial line, and the network of tests/net between them.
 * A row is one action: it is done and undone so many times, and each time the receiver must show it within
 * the row's limit. All of it happens in mount, process and network namespaces of its own.
 */
#include "net.h"
#include "support/check.h"

#define ATTACK_PLACE "/mnt" /* a file system of our own: programs, and what the agent watches */
#define ATTACK_TREE ATTACK_PLACE "/tree"
#define ATTACK_NET ATTACK_TREE "/net"        /* a folder for what may hang */
#define ATTACK_SEALED ATTACK_PLACE "/sealed" /* a read-only mount */
#define ATTACK_DISK ATTACK_PLACE "/disk"     /* a small one */
#define ATTACK_CABLE ATTACK_PLACE "/cable"   /* a serial line of the agent's, besides the receiver's */
#define ATTACK_AGENT_PIDS 64

struct attack_row {
    const char *name;
    int limit_ms;
    bool slow;  /* takes long to come or to undo: done less often by default */
    bool fresh; /* both ends are set up anew for each: of a connection that breaks again and again one alarm
                   stands */

    /* Makes what it needs; not timed. NULL when it can be done here, else why it cannot. */
    const char *(*prepare)(const struct attack_row *row);

    bool (*strike)(const struct attack_row *row);

    /* The first event from number `from` on that shows it. NULL: the one with `code`, `detail` and `line`. */
    const struct net_told *(*shown)(const struct attack_row *row, size_t from, int timeout_ms);

    /* Puts it right and waits until all is well; false: both ends are set up anew. */
    bool (*heal)(const struct attack_row *row);

    const char *code;
    const char *detail;
    const char *line;
    const char *role; /* for those that do it to each: part of the name */
};

extern struct net attack_ground;

/* The rows; the last one has no name. */
extern const struct attack_row attack_on_processes[];
extern const struct attack_row attack_on_channel[];
extern const struct attack_row attack_on_network[];
extern const struct attack_row attack_on_files[];
extern const struct attack_row attack_on_machine[];
extern const struct attack_row attack_on_receiver[];
extern const struct attack_row attack_on_kernel[];

/* The whole machine is the test's own, its kernel too: TOCSIN_ATTACK_MACHINE is set. */
bool attack_has_machine(void);

/* Mounts the file systems and copies the programs; once. False after saying what failed. */
bool attack_place(void);

/* Mounts a file system whose server never answers, until it is let go. */
bool attack_hang(const char *point);
void attack_let_go(const char *point);

/* Somebody holds the other end of ATTACK_CABLE, until it is unplugged. */
bool attack_cable_begin(void);
void attack_cable_end(void);

/* Starts both ends. False after saying what failed. */
bool attack_begin(void);

/* The agent has registered with the receiver, and all that it sealed is acknowledged. */
bool attack_linked(int timeout_ms);

/* Both ends run, and the network carries lines. */
bool attack_all_well(void);

/* Ends the agent and starts it again. */
bool attack_restart_agent(void);

/* The process of a role of the agent, "warden" too, of the wires that of the first channel; 0 for none. */
pid_t attack_pid(const char *role);

/* All processes of the agent, the warden first. How many. */
unsigned attack_pids(pid_t pid[ATTACK_AGENT_PIDS]);

/* Each of them gets it, at once. */
bool attack_signal_all(int signal);

/* Waits for an alarm of the receiver's own. */
const struct net_told *attack_wait_alarm(
        size_t from, const char *code, const char *detail, const char *verdict, int timeout_ms);

/* Runs a shell command where the agent is. */
bool attack_do(const char *command);

/* As attack_row.heal, for what is over when the undone act is told: waits for `code` with `detail`. */
bool attack_wait(size_t from, const char *code, const char *detail, int timeout_ms);

#endif
