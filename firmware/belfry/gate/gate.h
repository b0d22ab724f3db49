#ifndef BELFRY_GATE_GATE_H
#define BELFRY_GATE_GATE_H
/*
 * gate - the process between the network and belfry: one loop, fixed memory
 *
 * One object a process. gate.c is the loop and the link to belfry, peers.c the connections, listen.c where
 * they come in. Nobody waits for a peer.
 */
#include "belfry/gate/limits.h"
#include "belfry/gate/tls.h"

#define GATE_ADDRESS 16

enum peer_state {
    PEER_FREE,
    PEER_SHAKING,
    PEER_UP,
    PEER_LEAVING, /* belfry knows that it is over; what waits for it is sent */
};

struct peer {
    enum peer_state state;
    int fd;
    uint32_t number;
    struct tls tls;
    uint8_t address[GATE_ADDRESS]; /* IPv6 prefix of 64 bits, or a mapped IPv4 address */
    char name[GATE_PEER];
    unsigned kin;     /* PEER_SHAKING: handshakes from that address, with this one */
    int64_t begun_ms; /* of its state */
    int64_t heard_ms;
    uint32_t waits; /* for epoll */
    bool over;      /* the peer has ended it (`how`); lines may be left */
    bool finished;  /* PEER_LEAVING: all is sent */
    bool more;      /* TLS holds bytes that the descriptor does not tell */
    enum gate_how how;
    unsigned flight;    /* lines that belfry has not judged */
    unsigned allowance; /* lines that may come now */
    int64_t allowed_ms; /* when that was reckoned */
    size_t in_len;
    size_t out_len;
    char in[GATE_BYTES];
    char out[GATE_SAY_BYTES];
};

struct listener {
    const char *address;
    uint16_t port;
    int fd;    /* -1 while it is not open */
    int error; /* why not, 0 for none */
    bool news; /* belfry was not told yet */
    int64_t resume_ms;
    bool paused; /* there is no room, or no descriptor, for what comes */
};

struct gate {
    int epoll;
    int64_t now_ms;
    unsigned listeners;
    struct listener listener[GATE_LISTENS];
    struct peer peer[GATE_PEERS];
    bool more; /* a peer is to be served again at once */
    bool slow; /* a peer has used up its allowance */
    struct gate_counts counts;
    struct gate_counts told;
};

/* gate.c */

/* Waits for belfry if it has to; ends the process when belfry is gone. */
void gate_post(const struct gate_message *m);

/* Opens the listeners: what root alone may do. */
void gate_start(struct gate *g);

_Noreturn void gate_run(struct gate *g);

/* peers.c */

void peers_init(struct gate *g);

/* A new connection, which becomes the gate's. */
void peer_begin(struct gate *g, int fd, const uint8_t address[GATE_ADDRESS], const char *name);

/* False when all handshakes are taken, by others who have only begun: then who comes waits in the kernel. */
bool peers_have_room(struct gate *g);

struct peer *peer_find(struct gate *g, uint32_t number);

/* What epoll has found. */
void peer_serve(struct gate *g, struct peer *p, uint32_t events);

void peer_key(struct gate *g, struct peer *p, const struct wire_key *key);
void peer_say(struct gate *g, struct peer *p, const void *lines, size_t len);
void peer_taken(struct gate *g, struct peer *p, uint32_t count);

/* Sends what waits, then ends it; belfry is told `how`. */
void peer_leave(struct gate *g, struct peer *p, enum gate_how how);

/* Those of which TLS holds bytes. */
void peers_again(struct gate *g);

/* What is due by the clock. */
void peers_sweep(struct gate *g);

/* Sends what can be sent at once, and says to all that nothing more comes. */
void peers_stop(struct gate *g);

/* listen.c */

/* Opens what is not open, and tells belfry what has changed. */
void listen_open(struct gate *g);
void listen_tell(struct gate *g);

/* Goes on with those that were paused, if there is room. True when one still is. */
bool listen_resume(struct gate *g);

/* Some of those who wait. */
void listen_accept(struct gate *g, struct listener *l);

#endif
