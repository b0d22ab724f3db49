#ifndef BELFRY_JUDGE_PATHS_H
#define BELFRY_JUDGE_PATHS_H
/*
 * paths - on which ways one host is heard, and which of them has fallen silent while another lives
 *
 * One object a host, of fixed size. A path is a line of belfry.conf, or PATH_NET. Only lines that the judge
 * has proved come here; that a host is silent on all of its paths is for the judge to say.
 */
#include "belfry/record.h"

#define PATHS_MAX                                                                             \
    8 /* a host that is heard on more lines is followed on the first ones, and on the network \
       */

struct path {
    struct path_record keep;
    int64_t life_ms; /* since when life is waited for, on the judge's clock */
    bool changed;    /* since it was saved */
};

struct paths {
    unsigned count;
    struct path at[PATHS_MAX];
    int64_t life_ms;  /* of any of them */
    uint32_t session; /* the newest that was heard */
    uint32_t mono_s;  /* its latest second that was heard on any path */
};

/* A proved line of the newest session, and where it came in. */
struct paths_line {
    const char *path;
    const struct wire_head *head;
    bool first_heard; /* not a copy of what came on another path */
    int64_t patience_ms;
    int64_t now_ms;
    int64_t utc_ms;
};

void paths_init(struct paths *p, int64_t now_ms);

/* One that the ledger knows from an earlier life; its silence counts from now. */
void paths_resume(struct paths *p, const struct path_record *record, int64_t now_ms);

struct path *paths_find(struct paths *p, const char *name);

/* It is no longer followed. */
void paths_forget(struct paths *p, const char *name);

/*
 * The path that this line shows alive, NULL for none: its number is the highest yet on this path, and it is
 * not older than patience, seconds of the agent, than what came elsewhere. `back`: it had been told as quiet.
 */
struct path *paths_heard(struct paths *p, const struct paths_line *line, bool *back);

/* The host as a whole is away: until it is back, none of its paths is waited for. */
void paths_rest(struct paths *p, int64_t now_ms);

/* A path that is to be told as quiet, and is marked as told; NULL when there is none (any more). */
struct path *paths_quiet(struct paths *p, int64_t patience_ms);

#endif
