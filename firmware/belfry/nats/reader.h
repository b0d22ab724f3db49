#ifndef BELFRY_NATS_READER_H
#define BELFRY_NATS_READER_H
/*
 * reader - the hub at work: reads the stream and keeps what comes of it in a file
 *
 * A process of its own. The file holds the view and the place in the stream together, so neither is ahead of
 * the other after a restart; it is replaced as a whole, at most once a second.
 */
#include "belfry/nats/client.h"

struct reader_options {
    const char *file; /* of the hub; FILE.lock and FILE.new stand beside it */
    struct client_options client;
    struct client_stream stream;
};

/* Until SIGTERM or SIGINT. Exit status. */
int reader_run(const struct reader_options *options);

#endif
