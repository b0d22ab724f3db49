#ifndef BELFRY_NOTIFY_KINDS_H
#define BELFRY_NOTIFY_KINDS_H
/*
 * kinds - what belfry knows of each kind of notifier: its program, what its place looks like, its options
 *
 * What a kind does is in its own file and its own process (notify/kind.h); this is for reading the
 * configuration and for starting it, and links no library.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NOTIFY_KIND_OPTIONS 16

struct notify_option {
    const char *name;     /* "ca"; NULL ends the list */
    bool word;            /* stands alone, without "=value" */
    const char *expected; /* "an absolute path" */
    bool (*valid)(const char *value);
    bool encrypted; /* is for places that are talked to through TLS, and an error for others */
    bool needed;    /* without it the notifier has nobody to tell */
};

struct notify_kind_row {
    const char *name;
    const char *program;
    const char *places; /* what PLACE looks like, for errors */
    bool (*valid)(const char *place);
    bool (*encrypted)(const char *place); /* NULL when no option asks */
    bool standing; /* is told when it starts of all alarms that are open, and those that ended in the last
                      hour */
    bool rows;     /* publishes proved lines and events */
    unsigned (*replay)(const char *place); /* how many it is told again when it starts; NULL for none */
    struct notify_option option[NOTIFY_KIND_OPTIONS];
};

/* What Hub is given: no notifier, but the reader of what those of the kind nats publish. */
extern const struct notify_kind_row notify_hub_row;

/* NULL when there is none. */
const struct notify_kind_row *notify_kind_find(const char *name);

/* "exec, syslog or mail", for errors. */
const char *notify_kind_names(void);

#define NOTIFY_DIGEST_MAX_S 86400

/* Seconds of digest=: 1 to NOTIFY_DIGEST_MAX_S as 90, 90s, 15m, 1h; 0 for none at all. -1 when it is not one.
 */
long notify_seconds(const char *text);

#define NOTIFY_FINGERPRINTS 8
#define NOTIFY_DIGEST 32

/* Of a certificate, RFC 5425, section 4.2.2. */
struct notify_fingerprint {
    size_t len; /* 20 for SHA-1, 32 for SHA-256 */
    uint8_t digest[NOTIFY_DIGEST];
};

/* "SHA256:AB:CD..." or "sha-1:abcd...", with colons between the bytes or without. False when it is none. */
bool notify_fingerprint(const char *text, struct notify_fingerprint *out);

#define NOTIFY_HOST 256

struct notify_url {
    char scheme[16];
    char host[NOTIFY_HOST]; /* a name or an address, without brackets */
    uint16_t port;          /* 0 when there is none */
    const char *path;       /* what follows, from its slash; "" for nothing */
};

/* "scheme://host[:port][/path]" of printable ASCII. False when it is none. */
bool notify_url(const char *text, struct notify_url *out);

#endif
