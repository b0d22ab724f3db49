#include "watch/fs_pending.h"
#include <string.h>

/* What an entry points to. */
static size_t
room_for(const struct baseline_entry *e)
{
    return e != NULL ? (size_t)e->path_len + 1 + e->link_len + e->xattrs_len : 0;
}

static const uint8_t *
copy(struct fs_pending *p, const uint8_t *from, size_t len)
{
    uint8_t *to = p->room + p->used;

    if (len > 0) {
        memcpy(to, from, len);
    }
    p->used += len;
    return to;
}

static void
copy_entry(struct fs_pending *p, struct baseline_entry *to, const struct baseline_entry *from)
{
    *to = *from;
    to->path = copy(p, from->path, from->path_len);
    p->room[p->used++] = '\0';
    to->link = copy(p, from->link, from->link_len);
    to->xattrs = copy(p, from->xattrs, from->xattrs_len);
}

struct fs_waiting *
fs_pending_add(struct fs_pending *p, const struct baseline_entry *was, const struct baseline_entry *now)
{
    if (p->count == 0) {
        p->used = 0;
    }
    if (p->count == FS_JOBS || sizeof(p->room) - p->used < room_for(was) + room_for(now)) {
        return NULL;
    }
    struct fs_waiting *w = &p->ring[(p->first + p->count) % FS_JOBS];
    p->count++;
    w->has_was = was != NULL;
    w->has_now = now != NULL;
    w->reading = false;
    if (was != NULL) {
        copy_entry(p, &w->was, was);
    }
    if (now != NULL) {
        copy_entry(p, &w->now, now);
    }
    return w;
}

struct fs_waiting *
fs_pending_at(struct fs_pending *p, unsigned place)
{
    return &p->ring[(p->first + place) % FS_JOBS];
}

void
fs_pending_drop(struct fs_pending *p)
{
    p->first = (p->first + 1) % FS_JOBS;
    p->count--;
}

void
fs_pending_clear(struct fs_pending *p)
{
    p->first = p->count = 0;
}
