#ifndef BELFRY_PAGE_ASK_H
#define BELFRY_PAGE_ASK_H
/*
 * ask - what belfry-page asks belfry when, and how it reads the answers
 *
 * One object a process. Requests and answers of ctl/request.h, one at a time. Nothing here does input or
 * output: ask_request() says what to send, ask_take() is given what came.
 */
#include "belfry/ctl/request.h"
#include "belfry/page/model.h"

#define ASK_ROUND_MS 2000      /* lines and hosts */
#define ASK_ALL_MS 20000       /* alarms, too, though none is said to have changed */
#define ASK_CALM_MS 250        /* between two looks at alarms that keep changing: the first is at once */
#define ASK_BEATS_MS 20        /* between two pieces of the past */
#define ASK_LINE_MAX 2048      /* longest line of an answer */
#define ASK_PATIENCE_MS 120000 /* belfry may wait for its disk */

struct ask {
    struct model *model;
    unsigned wanted; /* bit n: topic n of enum model_topic */
    bool asking;     /* an answer is awaited, to `topic` */
    enum model_topic topic;
    int64_t from;          /* what was asked to begin at */
    int64_t more;          /* where this topic goes on, 0 for nowhere */
    int64_t past;          /* where the past does, which others may interrupt */
    int64_t newest_minute; /* in this piece of the past */
    int64_t asked_ms;
    int64_t round_ms; /* when to ask all again */
    int64_t all_ms;
    int64_t beats_ms;
    int64_t calm_ms; /* when to look at what has changed */
    bool changed;
    uint64_t rounds; /* answers that made the model new */
    uint64_t news;   /* of them, those in which alarms were new */
    size_t len;
    bool bad; /* it spoke no answer: the link is of no use any more */
    char line[ASK_LINE_MAX];
};

void ask_init(struct ask *a, struct model *m, int64_t now_ms);

/* What to send now; returns its length, 0 for nothing. Again when something came, and at ask_due(). */
size_t ask_request(struct ask *a, int64_t now_ms, char out[CTL_REQUEST_MAX]);

int64_t ask_due(const struct ask *a);

/* What came. False when it is no answer, or comes too late. */
bool ask_take(struct ask *a, const char *src, size_t len);

#endif
