#ifndef BELFRY_NET_H
#define BELFRY_NET_H
/*
 * net - what comes over the network: the gate's messages, the agents' connections, acknowledgements
 *
 * One object a process, main loop only. Nothing is acknowledged before the transaction that records it is on
 * the disk: what is to be said of it waits for net_settle().
 */
#include "belfry/gate/limits.h"
#include "belfry/gate/link.h"
#include "belfry/gate/start.h"

#define NET_SAY 1024 /* bytes that wait for the gate, of one connection */

struct run;

struct net_conn {
    bool used;
    uint32_t number;
    uint32_t pairing;
    char host[WIRE_HOST_MAX + 1];
    char peer[GATE_PEER];
    char token[WIRE_TALK_TOKEN_CHARS + 1]; /* ch= of beats on other paths */
    struct wire_talk hello;                /* what it said first */
    struct wire_key exported;              /* X of the next rekey */
    int64_t since_ms;                      /* UTC */
    uint64_t lines;
    bool greeted;
    bool welcome_due;
    bool ack_due;     /* of `session`, `nonce` and `last` */
    bool pong_due;    /* of `ping` */
    bool settled;     /* what its hello says of rekeys is taken */
    bool rekey_due;   /* to be said as soon as the disk has it */
    int64_t rekey_ms; /* when to begin the next one; tried again while it cannot be */
    bool replaced;    /* its host has a newer one */
    bool closing;
    bool close_put;  /* among what is to be said */
    bool close_said; /* and the gate knows */
    enum wire_talk_reason reason;
    uint32_t session;
    uint32_t last;
    uint32_t ping; /* the last one */
    char nonce[WIRE_NONCE_CHARS + 1];
    unsigned taken; /* lines judged that the gate was not told of */
    size_t say_len;
    char say[NET_SAY];
};

struct net_listener {
    bool up;
    bool told; /* the alarm stands */
};

struct net {
    struct beside process;
    int64_t start_ms; /* when to start it again, while it does not run */
    int64_t backoff_ms;
    int64_t blocked_ms; /* since when it does not read; 0 while it does */
    struct net_listener listener[CONF_LISTENS];
    struct gate_counts counts;
    struct gate_message in; /* GATE_LINES that are judged in part */
    size_t in_at;
    unsigned conns;
    unsigned marked; /* connections with something to be said, and which */
    uint16_t mark[GATE_PEERS];
    bool is_marked[GATE_PEERS];
    struct net_conn conn[GATE_PEERS];
};

/* Starts the gate, if the configuration has a Listen: before there is a key in this process. 0 or -errno. */
int net_start(struct run *run);

/* With the ledger open. */
void net_resume(struct run *run);

/* To poll; -1 when there is nothing to wait for. */
int net_fd(const struct run *run);
short net_events(const struct run *run);

/* Messages wait that poll() will not tell. */
bool net_has_more(const struct run *run);

/* Takes what the gate sends, as long as there is room for records. True if there was anything. */
bool net_serve(struct run *run);

/* Says what may be said by now. After each commit, and each turn. */
void net_settle(struct run *run);

/* Once a second: starts the gate again, ends connections of hosts that are not paired any more. */
void net_mend(struct run *run);

/* How many addresses are listened at. */
unsigned net_listening(const struct run *run);

/* The end, before the last commit and after it: goodbye to all, and the gate ends. */
void net_part(struct run *run);
void net_stop(struct run *run);

#endif
