#ifndef BELFRY_PAGE_SERVE_H
#define BELFRY_PAGE_SERVE_H
/*
 * serve - the page on HTTP, by libmicrohttpd, without threads
 *
 * One object a process. It only answers GET and HEAD. Nobody who reads slowly is waited for: what is sent to
 * several is made once, and what a stream is told is no more than "there is news". Limits: SERVE_CONNECTIONS
 * at a time, SERVE_STREAMS of them streams, SERVE_MEMORY bytes for a request with its headers,
 * SERVE_TIMEOUT_S without a byte taken or given.
 */
#include "belfry/page/ask.h"
#include "belfry/page/rows.h"

#define SERVE_CONNECTIONS 64
#define SERVE_STREAMS 32
#define SERVE_MEMORY 16384
#define SERVE_TIMEOUT_S 30

struct MHD_Daemon;
struct MHD_Response;
struct MHD_Connection;

struct serve_stream {
    struct serve *serve;
    struct MHD_Connection *connection; /* NULL: free */
    bool waits;                        /* suspended, until there is news */
    bool greeted;
    uint64_t told; /* the round it knows of */
};

struct serve {
    struct MHD_Daemon *daemon;
    const struct model *model;
    uint64_t round; /* of the model, as it was asked */
    bool any_name;  /* a unix socket: who may connect is not decided by the name he calls us */
    uint64_t rows_round;
    uint64_t rows_moves; /* of the model, when they were made */
    struct rows rows;    /* of that round */
    uint64_t page_round;
    struct MHD_Response *page; /* the first page, of that round; NULL for none */
    unsigned streams;
    struct serve_stream stream[SERVE_STREAMS];
};

/* Serves on a listening socket, which becomes its own. 0 or -errno. */
int serve_start(struct serve *s, int fd, bool any_name, const struct model *m);

/* To wait for input on. */
int serve_fd(const struct serve *s);

/* How long at most, in ms; `most` when it does not matter. */
int serve_patience(const struct serve *s, int most);

/* The model is of a new round. */
void serve_news(struct serve *s, uint64_t round);

void serve_run(struct serve *s);

#endif
