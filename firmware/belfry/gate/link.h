#ifndef BELFRY_GATE_LINK_H
#define BELFRY_GATE_LINK_H
/*
 * link - what belfry and its gate say to each other
 *
 * The gate is a program of its own (belfry-gate): it listens, does TLS, splits what comes into lines and
 * knows no ledger and no key but those of the handshakes under way. A SOCK_SEQPACKET pair; each message is a
 * head and up to GATE_BYTES bytes. belfry never waits for the gate; the gate, which has nothing to do without
 * belfry, waits for it. Each checks what it gets with gate_message_valid().
 */
#include "belfry/beside.h"
#include "belfry/conf.h"
#include "wire/keys.h"
#include "wire/talk.h"

#define GATE_FD BESIDE_FD
#define GATE_BYTES 4096 /* lines in one message */
#define GATE_EXPORT 32  /* bytes of the TLS exporter */
#define GATE_EXPORT_LABEL "EXPORTER-tocsin-rekey"
#define GATE_PEER 64 /* "[2001:db8::1]:49152", NUL-terminated */
#define GATE_LISTENS CONF_LISTENS

enum gate_kind {
    /* from the gate */
    GATE_LISTENING, /* listener `count` is open; bytes are its address and port as text */
    GATE_REFUSED,   /* it is not, and is tried again; bytes are the name of the error */
    GATE_WHO,       /* `host` wants to begin a session: its key, please. `conn` is the handshake's number */
    GATE_UP,     /* the handshake is done: bytes are GATE_EXPORT of the exporter, then the peer's address */
    GATE_LINES,  /* `count` whole lines, each ended by LF: sealed ones and talk, in the order they came */
    GATE_DOWN,   /* the connection is over: `how` */
    GATE_COUNTS, /* struct gate_counts, once a second when something changed */
    /* to the gate */
    GATE_KEY,   /* answer to GATE_WHO: 32 bytes, or none when the host is not paired */
    GATE_SAY,   /* lines to send, each ended by LF */
    GATE_TAKEN, /* `count` lines were judged: that many more may be on their way */
    GATE_CLOSE, /* send what waits, then end the connection */
    GATE_STOP,  /* close all, and end */
    GATE_KINDS
};

enum gate_how {
    GATE_FIN, /* the peer closed its end in order (TLS close_notify) */
    GATE_CUT, /* closed without that: what the kernel does for a process that was killed */
    GATE_RESET,
    GATE_TIMEOUT, /* nothing for too long */
    GATE_FORM,    /* bytes that are no lines */
    GATE_LIMIT,   /* too fast, too much */
    GATE_ASKED,   /* GATE_CLOSE */
    GATE_HOWS
};

struct gate_message {
    uint8_t kind; /* enum gate_kind */
    uint8_t how;  /* enum gate_how */
    uint16_t len;
    uint32_t conn; /* unique while the gate runs */
    uint32_t count;
    char host[WIRE_HOST_MAX + 1];
    uint8_t bytes[GATE_BYTES];
};

#define GATE_HEAD offsetof(struct gate_message, bytes)

struct gate_counts {
    uint64_t accepted;
    uint64_t refused; /* handshakes that failed: wrong key, no such host, form */
    uint64_t limited; /* connections closed for a limit */
    uint64_t expired; /* handshakes that took too long */
    uint32_t open;    /* connections that have proved who they are */
    uint32_t waiting; /* handshakes under way */
};

const char *gate_how_name(enum gate_how how);

/* `size` is what was received. */
bool gate_message_valid(const struct gate_message *m, size_t size);

/* 0 or -errno; -EAGAIN when the other side does not read. */
int gate_send(int fd, const struct gate_message *m);

/* The size, 0 when the other side is gone, -errno; -EAGAIN when there is nothing. */
int gate_receive(int fd, struct gate_message *m);

#endif
