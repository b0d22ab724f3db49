#ifndef BELFRY_CTL_SERVER_H
#define BELFRY_CTL_SERVER_H
/*
 * server - the running belfry's end of STATE/ctl, a unix socket of mode 0600
 *
 * One a process, main loop only. A client has a bounded buffer and a few seconds; whoever does not read is
 * dropped, and nobody waits for him. Operators cannot hold all places: of theirs, one that has not asked
 * makes room for the next.
 */
#include "belfry/ctl/request.h"
#include "belfry/out.h"

#include <poll.h>

#define CTL_CLIENTS 8
#define CTL_OTHERS 6 /* of them at most for who is neither root nor who belfry runs as */
#define CTL_ANSWER_MAX 131072
#define CTL_PATIENCE_MS 5000
#define CTL_POLLS (CTL_CLIENTS + 1)

/* Answers one request with out_put(); "end" is added by the server. */
typedef void ctl_answer_fn(void *to, const struct ctl_request *request, struct out *out);

/* Whether a client who is neither root nor who belfry runs as is let in. */
typedef bool ctl_welcome_fn(void *to, const struct ctl_peer *peer);

struct ctl_client {
    bool used;
    bool answered;
    bool own; /* root, or who belfry runs as */
    int64_t until_ms;
    size_t len;
    char in[CTL_REQUEST_MAX];
    struct out out;
};

struct ctl_server {
    int fd;
    int dir; /* to unlink the socket by */
    ctl_answer_fn *answer;
    ctl_welcome_fn *welcome; /* set by the caller; NULL: nobody */
    void *to;
    struct ctl_client client[CTL_CLIENTS];
};

/* 0 or -errno. A socket left over from a killed belfry is replaced: the caller holds the lock. */
int ctl_listen(struct ctl_server *s, const struct conf *conf, ctl_answer_fn *answer, void *to);

/* Lets operators reach the socket, if there are any. ctl_listen() does it, too. */
void ctl_reach(const struct ctl_server *s, const struct conf *conf);

void ctl_shut(struct ctl_server *s);

/* Fills in CTL_POLLS entries. */
void ctl_polls(const struct ctl_server *s, struct pollfd *polls);

/* Serves what poll() found in the same entries. */
void ctl_serve(struct ctl_server *s, const struct pollfd *polls, int64_t now_ms);

/* A connection to a running belfry that blocks so long at most, each time: the descriptor, or -errno
 * (-ECONNREFUSED: none runs). */
int ctl_connect(const struct conf *conf, int patience_ms);

#endif
