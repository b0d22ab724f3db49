#ifndef TESTS_NET_NET_H
#define TESTS_NET_NET_H
/*
 * net - both ends in network namespaces of their own, with a router between them
 *
 *     agent                      router                    receiver
 *     up0 10.66.1.2/24 <------> a0 10.66.1.1
 *                               b0 10.66.2.1 <-------> down0 10.66.2.2/24
 *     and a pseudo-terminal of belfry's, where no network is needed
 *
 * The namespaces have no names and all processes are in a process namespace whose first one is the test:
 * nothing is left behind, however it ends. Times are UTC in us, as belfry's events have them.
 */
#include "relay.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define NET_PATH 128
#define NET_HOST "web03"
#define NET_LINE "serial" /* belfry's name for the pseudo-terminal */
#define NET_RECEIVER_ADDRESS "10.66.2.2"
#define NET_PORT 8627
#define NET_LINKED_S 20 /* what both ends are given to find each other */

/* The last one is between router and receiver, where a bad line is wanted (relay.h). */
enum net_space { NET_AGENT, NET_ROUTER, NET_RECEIVER, NET_BETWEEN, NET_SPACES };

/* A line of `belfry run --events`: EVENT, or ALARM with `verdict` open or closed. */
struct net_told {
    bool alarm;
    int64_t at_us;
    char line[32];
    char verdict[24];
    char severity[8];
    char code[32];
    char number[24]; /* "17-K3QF.42" */
    char detail[400];
};

/* What goes through the router, as seen between it and the agent. Shared with the process that looks. */
struct net_capture {
    uint64_t packets;    /* with something of the receiver's port in them */
    uint64_t bytes;      /* of that */
    uint64_t clear;      /* packets with text that is for the two ends only */
    int64_t asked_us;    /* the first of the agent's, */
    int64_t answered_us; /* and of the receiver's, since */
    int64_t since_us;    /* this was set */
};

struct net {
    char dir[NET_PATH];         /* everything lies here */
    char belfry_path[NET_PATH]; /* the program */
    int space[NET_SPACES];
    pid_t belfry;
    pid_t agent;
    pid_t looker;
    struct net_capture *capture;
    pid_t relay_pid;
    struct relay *relay; /* NULL: router and receiver are linked */
    const char *clock;
    unsigned reserved; /* lines below this number are last words, sealed in advance for one channel each */
    uint16_t port;     /* the last one opened */
    int out;           /* belfry's events */
    char pending[8192];
    size_t pending_len;
    struct net_told *event;
    size_t events;
    size_t room;
};

struct net_options {
    const char *receiver; /* as in tocsin.conf; NULL: NET_RECEIVER_ADDRESS */
    const char *agent;    /* more lines of tocsin.conf */
    const char *clock;    /* a library whose UTC is as the file `clock` in the folder says, or NULL */
    const char *belfry;   /* another program than TOCSIN_BIN's, or NULL */
    const char *serial;   /* more words for the pseudo-terminal's Channel line */
    const char *views;    /* names of those that are on, a blank between two; NULL for none */
    bool baseline;        /* of what `agent` has to watch, built before it starts */
    bool relay;           /* n->relay is there, and does nothing bad yet */
    bool no_serial;
    bool no_witness; /* else all that is sealed goes to the file `witness` in the folder as well */
};

/* Runs work() as the first process of new process, mount and network namespaces. Its exit status; 77, with
 * the reason printed, when they cannot be had. */
int net_inside(int (*work)(void));

int64_t net_now_us(void);

/* Makes the namespaces and the links between them. False after saying what failed. */
bool net_spaces_begin(struct net *n, bool relay);
void net_spaces_end(struct net *n);

/* Runs a shell command in a namespace; true when it exits with 0. What it prints on stderr is shown. */
bool net_do(struct net *n, enum net_space where, const char *command);

/* The program in a namespace, with its standard streams where they are not negative. */
pid_t net_spawn(struct net *n, enum net_space where, const char *const argv[], int out, int err);

/* Sets both ends up, paired, and starts them. False after saying what failed. */
bool net_begin(struct net *n, const struct net_options *options);

/* Ends both and removes the folder. */
void net_end(struct net *n);

/* Starts one and waits until it is there. False after saying what failed. */
bool net_start_belfry(struct net *n);
bool net_start_agent(struct net *n);

/* Starts one, and that is all. */
bool net_spawn_belfry(struct net *n);
void net_spawn_agent(struct net *n);

/* Waits for whatever has ended; n->agent and n->belfry are 0 when they have. */
void net_reap(struct net *n);

/* The pid is ended with this signal and waited for; 0 is left alone. */
void net_stop(pid_t *pid, int signal);

/* A program of the build; good until the second call after. */
const char *net_program(const char *name);

/* PATH below the folder; good until the eighth call after. */
const char *net_path(const struct net *n, const char *name);

/* Reads belfry's events for so long. */
void net_listen(struct net *n, int ms);

/*
 * The first event from number `from` on with this code, that has `detail` in its details and came over `line`
 * (NULL: any); "!serial" is any other line than that. NULL when there is none (in time). Good until more is
 * read.
 */
const struct net_told *net_find(
        const struct net *n, size_t from, const char *code, const char *detail, const char *line);
const struct net_told *net_wait(
        struct net *n, size_t from, const char *code, const char *detail, const char *line, int timeout_ms);

bool net_came_over(const struct net_told *e, const char *line);

/* A connection to the agent's control socket; -1 when nobody is there. */
int net_ask_agent(const struct net *n);

/* Seals so many test alarms, as `tocsin ring` does. How many the agent took. */
int net_ring(struct net *n, int count);

/* From then to the event; -1 without one. */
double net_ms(const struct net_told *e, int64_t from_us);

/* Somebody opens a port at the agent, until he is killed; `name` ("tcp/20001") is in the alarm that follows.
 */
pid_t net_open_port(struct net *n, char name[16]);

/*
 * A port is opened and closed, and the note of that arrives over this line. Such a note goes to a channel of
 * policy `fallback` only while the network is lost; the alarm before it goes to all, and so does a test
 * alarm.
 */
bool net_note_comes(struct net *n, const char *line, int timeout_ms);

/* Notes arrive over the network; tried for so long. */
bool net_carries(struct net *n, int timeout_ms);

/* Every line that was sealed before now comes to be on record, once. Says what does not. */
bool net_all_on_record(struct net *n);

/* Prints which lines came first over which way, from event `from` on. */
void net_show_where(const struct net *n, size_t from);

/* The process of a role of the agent, or a child of belfry's, that has `word` in its command line; -1 for
 * none. */
pid_t net_child(pid_t parent, const char *word);

#endif
