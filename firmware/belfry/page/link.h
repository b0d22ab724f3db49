#ifndef BELFRY_PAGE_LINK_H
#define BELFRY_PAGE_LINK_H
/*
 * link - belfry's hold of its status page: the process belfry-page, and what it asks
 *
 * One object a process, main loop only. The page asks on a SOCK_STREAM pair what may be asked on STATE/ctl,
 * but `ack`; one request is answered at a time, and the next is read when the answer has been. Between
 * answers it is told "changed" when an alarm has been raised, closed or acknowledged. Whoever does not read
 * is not waited for: a page that takes nothing for PAGE_HANGS_MS, asks what it may not, or ends is started
 * again, after 1 s and then twice as long each time, a minute at most.
 */
#include "belfry/beside.h"
#include "belfry/ctl/server.h"

#define PAGE_HANGS_MS 10000

struct page_link {
    const struct conf *conf; /* NULL when no Page is configured */
    ctl_answer_fn *answer;
    void *to;
    struct beside process;
    struct out out;
    bool changed; /* to be told */
    size_t len;
    char in[CTL_REQUEST_MAX];
    int64_t start_ms;   /* when to start it again */
    int64_t wait_ms;    /* what the start after that waits */
    int64_t blocked_ms; /* since when an answer waits to be read; 0 for none */
};

/* Starts it when the configuration wants it. 0 or -errno. */
int page_start(struct page_link *p, const struct conf *conf, ctl_answer_fn *answer, void *to, int64_t now_ms);

/* -1 when there is nothing to wait on. */
int page_fd(const struct page_link *p);
short page_events(const struct page_link *p);

/* Once a turn; `ready`: there is something on its descriptor. */
void page_serve(struct page_link *p, bool ready, int64_t now_ms);

void page_stop(struct page_link *p);

#endif
