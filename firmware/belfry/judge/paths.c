#include "belfry/judge/paths.h"

#include <stdio.h>
#include <string.h>

#define MS 1000

void
paths_init(struct paths *p, int64_t now_ms)
{
    memset(p, 0, sizeof *p);
    p->life_ms = now_ms;
}

struct path *
paths_find(struct paths *p, const char *name)
{
    for (unsigned i = 0; i < p->count; i++) {
        if (strcmp(p->at[i].keep.path, name) == 0) {
            return &p->at[i];
        }
    }
    return NULL;
}

void
paths_forget(struct paths *p, const char *name)
{
    struct path *path = paths_find(p, name);

    if (path != NULL) {
        p->count--;
        memmove(path, path + 1, (size_t)(&p->at[p->count] - path) * sizeof *path);
    }
}

/* The last place is for the network. */
static struct path *
add(struct paths *p, const char *name, int64_t now_ms)
{
    bool reserved = strcmp(name, PATH_NET) != 0 && paths_find(p, PATH_NET) == NULL;
    struct path *path;

    if (p->count + reserved >= PATHS_MAX) {
        return NULL;
    }
    path = &p->at[p->count++];
    memset(path, 0, sizeof *path);
    (void)snprintf(path->keep.path, sizeof path->keep.path, "%s", name);
    path->life_ms = now_ms;
    return path;
}

void
paths_resume(struct paths *p, const struct path_record *record, int64_t now_ms)
{
    struct path *path = paths_find(p, record->path);

    if (path == NULL) {
        path = add(p, record->path, now_ms);
    }
    if (path != NULL) {
        path->keep = *record;
    }
}

/* Above all that came here. Of two sessions with one number (a clone), only what is new shows life. */
static bool
is_highest(const struct path_record *r, const struct paths_line *line)
{
    const struct wire_head *h = line->head;

    if (h->session != r->session) {
        return h->session > r->session;
    }
    return strcmp(h->nonce, r->nonce) == 0 ? h->number > r->number : line->first_heard;
}

/* Kept back, to be let go one by one? What waited in a queue of the agent is followed by what did not. */
static bool
lags(struct paths *p, const struct paths_line *line)
{
    const struct wire_head *h = line->head;

    if (h->session > p->session) {
        p->session = h->session;
        p->mono_s = 0;
    }
    if (h->mono_s > p->mono_s) {
        p->mono_s = h->mono_s;
    }
    return (int64_t)(p->mono_s - h->mono_s) * MS > line->patience_ms;
}

void
paths_rest(struct paths *p, int64_t now_ms)
{
    for (unsigned i = 0; i < p->count; i++) {
        p->at[i].life_ms = now_ms;
    }
    p->life_ms = now_ms;
}

struct path *
paths_heard(struct paths *p, const struct paths_line *line, bool *back)
{
    struct path *path = paths_find(p, line->path);

    *back = false;
    if (path == NULL) {
        path = add(p, line->path, line->now_ms);
    }
    if (path == NULL || !is_highest(&path->keep, line) || lags(p, line)) {
        return NULL;
    }
    if (line->now_ms - p->life_ms > line->patience_ms) {
        paths_rest(p, line->now_ms); /* we were away, and its paths come back one after the other */
    }
    p->life_ms = line->now_ms;
    *back = path->keep.quiet;
    path->life_ms = line->now_ms;
    path->changed = true;
    path->keep.quiet = false;
    path->keep.last_ms = line->utc_ms;
    if (path->keep.first_ms == 0) {
        path->keep.first_ms = line->utc_ms;
    }
    path->keep.session = line->head->session;
    path->keep.number = line->head->number;
    memcpy(path->keep.nonce, line->head->nonce, sizeof path->keep.nonce);
    return path;
}

/*
 * Life elsewhere counts when it came after this path had to show some: when all of them end at once, the last
 * of them lives a little longer than the first, and that is a silence, not a path.
 */
struct path *
paths_quiet(struct paths *p, int64_t patience_ms)
{
    for (unsigned i = 0; i < p->count; i++) {
        struct path *path = &p->at[i];

        if (!path->keep.quiet && p->life_ms - path->life_ms > patience_ms) {
            path->keep.quiet = true;
            path->changed = true;
            return path;
        }
    }
    return NULL;
}
