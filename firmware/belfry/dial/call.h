#ifndef BELFRY_DIAL_CALL_H
#define BELFRY_DIAL_CALL_H
/*
 * call - a connection that belfry asked for: found, made, proved, and handed over
 *
 * A tcp call ends when its socket is handed over. One of tls goes on: belfry has one end of a socket pair,
 * and what comes on either side is passed to the other, never more than two buffers of it.
 */
#include "belfry/dial/link.h"
#include "belfry/dial/loop.h"
#include "belfry/dial/resolve.h"

#define CALL_BUFFER 4096
#define CALL_CA_MAX 262144 /* bytes of a file of certificates */

enum call_state { CALL_RESOLVE, CALL_CONNECT, CALL_HANDSHAKE, CALL_PUMP, CALL_OVER };

struct call_buffer {
    uint16_t at;
    uint16_t len;
    uint8_t bytes[CALL_BUFFER];
};

struct call {
    struct watch socket; /* first: the watch is the call */
    struct watch pair;
    struct call *next;
    enum call_state state;
    uint32_t number;
    int64_t deadline_ms;
    bool tls;
    bool pinned;
    uint16_t port;
    int ca; /* file of certificates; -1 for none */
    int error;
    unsigned at; /* of the addresses, the one that is tried */
    struct addresses to;
    struct ssl_st *ssl;     /* OpenSSL's, tls.c alone knows it */
    struct call_buffer in;  /* from the server */
    struct call_buffer out; /* to the server */
    uint8_t pin[DIAL_PIN];
    char line[CONF_NAME];
    char host[CONF_HOST];
    char peer[CONF_HOST];
};

/* ---- call.c */

void call_begin(const struct dial_message *m, int ca);
void call_end(uint32_t number);

/* Lookups ended; a second has passed. */
void call_resolved(void);
void call_tick(void);

/* Frees those that are over. After loop_turn(). */
void call_sweep(void);

/* The call is over; belfry is told when it did not come. */
void call_failed(struct call *c, int error, enum dial_why why);

/* The call has come: the descriptor is passed to belfry, and closed here. */
void call_came(struct call *c, int fd);

/* ---- tls.c */

/* Once a process. 0 or -errno. */
int tls_init(void);

/* The socket is connected. */
void tls_begin(struct call *c);
void tls_free(struct call *c);

/* Something is ready. */
void tls_handshake(struct call *c);
void tls_pump(struct call *c);

#endif
