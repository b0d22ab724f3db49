#ifndef COURIER_CONVERSATION_H
#define COURIER_CONVERSATION_H
/*
 * conversation - what is said on one connection to the receiver, once TLS has proved both ends (SPEC.md,
 * section 9)
 *
 * A state machine over bytes: no descriptors, no clock. What the receiver says is as hostile as any other
 * bytes from outside: whatever does not fit the state ends the conversation.
 */
#include "courier/spool.h"
#include "proc/message.h"
#include "wire/talk.h"

#define CONVERSATION_OUT 4096
#define CONVERSATION_UNDER_WAY 512 /* lines that were sent and are not acknowledged, at most */

struct conversation_ops {
    /* The line to send next, which is kept; false when there is none. */
    bool (*peek)(void *to, struct spool_line *out);
    /* The line that peek() showed will be sent, or need not be: on to the one behind it. */
    void (*take)(void *to);
    /* All lines up to this one are on the receiver's record. */
    void (*acked)(void *to, const struct spool_id *id, uint64_t position);
    /* For the core: COURIER_UP, _ACK, _PATH, _REKEY. */
    void (*tell)(void *to, const struct courier_message *m);
    bool (*export)(void *to, uint8_t out[32]);
};

enum conversation_state {
    CONVERSATION_GREETING, /* =hello is said, =seen is to come */
    CONVERSATION_TALKING,
    CONVERSATION_OVER,
    CONVERSATION_STATES
};

enum conversation_end {
    CONVERSATION_CLOSED, /* =close: `reason` */
    CONVERSATION_FORM,   /* bytes that are nothing the receiver may say */
    CONVERSATION_UNSENT, /* an acknowledgement of what was never sent */
    CONVERSATION_ENDS
};

struct conversation_sent {
    struct spool_id id;
    uint64_t position;
    uint64_t end;    /* bytes said up to the line's end */
    uint32_t pinged; /* the ping before it */
};

struct conversation {
    const struct conversation_ops *ops;
    void *to;
    enum conversation_state state;
    enum conversation_end end; /* when it is over */
    enum wire_talk_reason reason;
    char in[WIRE_TALK_MAX]; /* the line that is not whole yet */
    size_t in_len;
    char out[CONVERSATION_OUT];
    size_t out_len;
    uint64_t said; /* bytes that left `out` */
    struct conversation_sent sent[CONVERSATION_UNDER_WAY];
    unsigned first;
    unsigned count;
    bool any_acked;
    struct spool_id acked;
    bool any_seen;
    struct spool_id seen;
    struct spool_id uttered; /* the last line that was sent, on this connection or one before */
    uint32_t pinged;
    uint32_t ponged;
    uint32_t rekeys;
    uint64_t answers; /* how many there were, of any kind */
};

bool conversation_same(const struct spool_id *a, const struct spool_id *b);

/* Says `hello`. The object is zero, or that of the connection before. */
void conversation_begin(
        struct conversation *c, const struct conversation_ops *ops, void *to, const struct wire_talk *hello);

/* Bytes the receiver said. */
void conversation_hear(struct conversation *c, const char *bytes, size_t len);

/* Puts what is to be sent into `out`, as far as there is room. */
void conversation_fill(struct conversation *c);

/* The first `len` bytes of `out` were sent. */
void conversation_sent(struct conversation *c, size_t len);

/* Asks for a sign of life. The number that a =pong will have; 0 when there was no room to ask. */
uint32_t conversation_ping(struct conversation *c);

/* True while something was sent that the receiver has to answer. */
bool conversation_waits(const struct conversation *c);

/* True when nothing is left to be sent or acknowledged. */
bool conversation_idle(struct conversation *c);

/* Why it is over: "unknown words", or the reason of =close. */
const char *conversation_words(const struct conversation *c);

#endif
