#ifndef BELFRY_NATS_CLIENT_H
#define BELFRY_NATS_CLIENT_H
/*
 * client - JetStream as a publisher and the hub need it; the one file that knows libnats
 *
 * One a process. The connection is made, and made again when it breaks, in threads of the library; nothing
 * here waits longer than it is told. Files are read at the start, so that they need not be readable by the
 * user that the process becomes.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLIENT_SERVERS 8
#define CLIENT_WHY 160   /* with the NUL */
#define CLIENT_TEXT 2048 /* of one message */

struct client_options {
    const char *name;    /* by which servers list us */
    const char *servers; /* "nats://host:port" or "tls://host:port", with commas between */
    const char *creds;   /* files; NULL for none: user credentials (JWT and seed), */
    const char *auth;    /* "user:password" or a token in its first line, */
    const char *ca;      /* CAs in place of the system's, certificate and key, PEM */
    const char *cert;
    const char *key;
};

/* 0, or -errno with a line in `why`: then it will never work. */
int client_start(const struct client_options *options, char why[CLIENT_WHY]);

void client_stop(void);

/* Begins to connect when that was not done. True while there is a connection. */
bool client_connected(void);

/* What hinders it, for people; "" for nothing. */
const char *client_why(void);

/* ---- publisher */

struct client_post {
    const char *subject;
    const char *id; /* by which the stream drops copies */
    const char *text;
    bool acked; /* out: it is in the stream, on as many disks as the stream has replicas */
};

/* Publishes all, then waits for their acknowledgements, `wait_ms` at most. How many have come. */
unsigned client_publish(const char *stream, struct client_post *post, unsigned count, int wait_ms);

/* ---- hub */

struct client_stream {
    const char *name;
    const char *subjects; /* one pattern */
    unsigned replicas;
    unsigned keep_days;  /* 0 for ever */
    uint64_t keep_bytes; /* 0 for no limit */
};

/* Makes the stream when there is none. When it was made (ns since 1970) and its first and last sequence. */
bool client_stream(const struct client_stream *s, uint64_t *made, uint64_t *first, uint64_t *last);

/* Reads in the order of the stream, beginning at this sequence. */
bool client_follow(const char *stream, const char *subjects, uint64_t sequence);

struct client_message {
    uint64_t sequence;
    int64_t utc_ms;    /* when the stream took it */
    char subject[256]; /* "" when it was longer: it is none of ours */
    char text[CLIENT_TEXT];
    size_t len; /* longer texts are cut: they are none of ours either */
};

/* 1 with a message, 0 when none came, -1 when the reading has ended and client_follow() is to be called. */
int client_read(struct client_message *out, int wait_ms);

void client_unfollow(void);

#endif
