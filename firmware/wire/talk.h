#ifndef WIRE_TALK_H
#define WIRE_TALK_H
/*
 * talk - what agent and receiver say to each other inside their TLS session, beside the sealed lines
 * (SPEC.md, section 9)
 *
 *     =hello 1 web03 17-K3QF  =seen 17-K3QF.40     =ack 17-K3QF.42
 *     =ping 7                 =pong 7              =close replaced
 *
 * One line of printable ASCII each, begun by '=' where a sealed line begins with '!', ended by LF. These are
 * not sealed: TLS says who speaks, and nobody has to prove them to a third.
 */
#include "wire/line.h"

#define WIRE_TALK_VERSION 1
#define WIRE_TALK_MAX 80        /* without the line end */
#define WIRE_TALK_TOKEN_CHARS 8 /* base32 */

enum wire_talk_kind {
    WIRE_TALK_HELLO,   /* agent: `host`, `session` and `nonce` it is in, and `token` with the id of the rekey
                          it took up last in that session, or "" */
    WIRE_TALK_WELCOME, /* receiver's answer to it: all lines of this session up to `number` are on record, or
                          none */
    WIRE_TALK_ACK,     /* receiver: what came on this connection up to this line is on its disk */
    WIRE_TALK_PING,    /* agent: `number` is given back */
    WIRE_TALK_PONG,    /* receiver */
    WIRE_TALK_PATH,    /* receiver: `token`, to be said as ch= in the next beats */
    WIRE_TALK_REKEY,   /* receiver: mix this connection's exporter into the root of the sessions to come */
    WIRE_TALK_CLOSE,   /* receiver: the connection ends, `reason` */
    WIRE_TALK_KINDS
};

enum wire_talk_reason {
    WIRE_CLOSE_REPLACED, /* a newer connection of this host is there */
    WIRE_CLOSE_UNPROVED, /* a line that could not be proved, or of another host: it is not acknowledged */
    WIRE_CLOSE_UNPAIRED, /* the host is not paired any more */
    WIRE_CLOSE_FORM,     /* bytes that are neither a sealed line nor one of these */
    WIRE_CLOSE_LIMIT,    /* too much, too fast */
    WIRE_CLOSE_STOPPING, /* the receiver ends */
    WIRE_CLOSE_REASONS
};

struct wire_talk {
    enum wire_talk_kind kind;
    enum wire_talk_reason reason;
    bool none;        /* WELCOME: no session is on record, or a hole begins with its first line */
    uint32_t session; /* HELLO, WELCOME, ACK */
    uint32_t number;  /* WELCOME, ACK: of the line. PING, PONG: any */
    char nonce[WIRE_NONCE_CHARS + 1];
    char host[WIRE_HOST_MAX + 1];
    char token[WIRE_TALK_TOKEN_CHARS + 1];
};

/* "replaced", "unproved", ... */
const char *wire_talk_reason_name(enum wire_talk_reason reason);

/* Writes it without a line end and NUL-terminates. The length; WIRE_E_SIZE or WIRE_E_FORM when it cannot be
 * said. */
int wire_talk_compose(const struct wire_talk *talk, char *out, size_t size);

/* Reads one line without its line end. 0, or WIRE_E_FORM; then `out` is untouched. */
int wire_talk_parse(const char *src, size_t len, struct wire_talk *out);

#endif
