#ifndef COURIER_CONNECTION_H
#define COURIER_CONNECTION_H
/*
 * connection - one TCP connection to the receiver: TLS, then the conversation, until it ends
 *
 * One at a time. Nothing blocks. Times are CLOCK_BOOTTIME in ms.
 */
#include "courier/conversation.h"
#include "courier/tls.h"

#define CONNECTION_GREET_MS 5000 /* for the handshake and =seen together */
#define CONNECTION_CHECK_INS 3   /* so many without an answer, */
#define CONNECTION_ANSWER_MS 1000
#define CONNECTION_SILENT_MS 3000 /* and so long: the peer is dead */

enum connection_state { CONNECTION_NONE, CONNECTION_SHAKING, CONNECTION_OPEN };

struct connection {
    struct tls tls;
    struct conversation talk;
    enum connection_state state;
    int fd;
    short wants; /* what poll() is to wait for */
    bool more;   /* there was more to read than fits into one turn */
    int64_t began_ms;
    int64_t up_ms; /* when =seen came; 0 before */
    uint64_t answers;
    unsigned asked;   /* check-ins since the last answer */
    int64_t asked_ms; /* the first of them */
    int result;       /* why it ended: TLS_*, or 0 for `error` or the conversation's own end */
    int error;        /* errno */
};

/* 0, or -ENOMEM. */
int connection_init(struct connection *c, const char *identity, const uint8_t key[TLS_KEY]);

/* Begins on a connected non-blocking socket, which is the connection's from now on. */
void connection_begin(struct connection *c, int fd, const struct conversation_ops *ops, void *to,
        const struct wire_talk *hello, int64_t now_ms);

/* Reads, writes, minds the time. True when the connection has ended with this; then connection_why() says
 * why. */
bool connection_work(struct connection *c, int64_t now_ms);

/* A check-in: what waits for an answer is one, else =ping, which is said in any case when `ask`. The number
 * of the =pong to come, or 0. */
uint32_t connection_check_in(struct connection *c, bool ask, int64_t now_ms);

/* True when registered: lines go out. */
bool connection_up(const struct connection *c);

/* True when a check-in has had no answer for so long that the network must have been gone. */
bool connection_unanswered(const struct connection *c, int64_t now_ms);

/* When connection_work() has to be called though nothing is ready. */
int64_t connection_due(const struct connection *c);

/* Ends it from our side; `in_order` says so. Nothing when there is none. */
void connection_end(struct connection *c, bool in_order);

/* Why the last one ended, as COURIER_DOWN says it. */
struct courier_message connection_why(const struct connection *c);

#endif
