#ifndef BELFRY_DIAL_LINK_H
#define BELFRY_DIAL_LINK_H
/*
 * link - what belfry and belfry-dial say to each other, and belfry and belfry-port
 *
 * A SOCK_SEQPACKET pair; each message is a head and up to DIAL_BYTES bytes, and may carry one descriptor.
 * Neither waits for the other in belfry; belfry-dial, which has nothing to do without it, waits. Each checks
 * what it gets with dial_message_valid().
 */
#include "belfry/beside.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <termios.h>

#define DIAL_FD BESIDE_FD
#define DIAL_BYTES 28672 /* the texts of a call */
#define DIAL_PIN 32      /* SHA-256 */

enum dial_kind {
    /* to belfry-dial */
    DIAL_TCP, /* texts: line, host, "" */
    DIAL_TLS, /* texts: line, host, name in the certificate; the descriptor is the file of certificates, if
                 any */
    DIAL_COMMAND, /* texts: line, program, arguments */
    DIAL_END,     /* the call is over, or not wanted any more */
    /* to belfry-port */
    DIAL_PORT,  /* texts: line, place, frame */
    DIAL_SET,   /* the bytes, a struct termios, are to be the descriptor's settings */
    DIAL_CLOSE, /* the descriptor; no call, and not answered */
    /* from either */
    DIAL_CAME,   /* the descriptor is the line, or what was to be set */
    DIAL_FAILED, /* `error` and `why`; the call is over */
    DIAL_KINDS
};

/* Why a call failed, where an errno alone does not say it. */
enum dial_why {
    DIAL_WHY_NONE,
    DIAL_WHY_NAME,      /* no address for the host's name */
    DIAL_WHY_TLS,       /* no TLS, or none that both speak */
    DIAL_WHY_UNTRUSTED, /* no certificate of the file vouches for the server's */
    DIAL_WHY_EXPIRED,   /* not valid at this time */
    DIAL_WHY_OTHER,     /* for another name */
    DIAL_WHY_PIN,       /* not the certificate that was pinned */
    DIAL_WHY_CA,        /* the file of certificates cannot be used */
    DIAL_WHYS
};

struct dial_port {
    uint32_t baud;
    uint8_t flow; /* enum hal_tty_flow */
    uint8_t writes;
};

struct dial_message {
    uint8_t kind; /* enum dial_kind */
    uint8_t why;  /* enum dial_why */
    uint8_t pinned;
    uint8_t texts; /* in `bytes`, each ended by a NUL */
    uint16_t port;
    uint16_t len;
    uint32_t number; /* of the call; unique while belfry-dial runs */
    int32_t error;   /* errno */
    union {
        uint8_t pin[DIAL_PIN];   /* of DIAL_TLS */
        struct dial_port serial; /* of DIAL_PORT */
    };
    char bytes[DIAL_BYTES];
};

#define DIAL_HEAD offsetof(struct dial_message, bytes)
#define DIAL_TEXTS 64

/* "certificate-untrusted" and the like; "" for DIAL_WHY_NONE. */
const char *dial_why_name(enum dial_why why);

/* `size` is what was received. */
bool dial_message_valid(const struct dial_message *m, size_t size);

/* Adds a text. False when there is no room. */
bool dial_add_text(struct dial_message *m, const char *text);

/* Text number `at`, which must be there; message is valid. */
const char *dial_text(const struct dial_message *m, unsigned at);

/* `pass` is a descriptor to go with it, or -1; it stays the caller's. 0 or -errno; -EAGAIN when there is no
 * room. */
int dial_send(int fd, const struct dial_message *m, int pass);

/* The same for belfry-dial, which waits for belfry to read; not for ever. */
int dial_send_patiently(int fd, const struct dial_message *m, int pass);

/* The size, 0 when the other side is gone, -errno; -EAGAIN when there is nothing. `passed` gets the
 * descriptor that came with it, which is the caller's then, or -1. */
int dial_receive(int fd, struct dial_message *m, int *passed);

#endif
