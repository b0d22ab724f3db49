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
    uint8_t *to = p->room + p->next;

    if (len > 0) {
        memcpy(to, from, len);
    }
    p->next += len;
    return to;
}

static void
copy_entry(struct fs_pending *p, struct baseline_entry *to, const struct baseline_entry *from)
{
    *to = *from;
    to->path = copy(p, from->path, from->path_len);
    p->room[p->next++] = '\0';
    to->link = copy(p, from->link, from->link_len);
    to->xattrs = copy(p, from->xattrs, from->xattrs_len);
}

/*
 * Moves `next` to where so much fits in one piece, between the last that waits and the first. It never comes
 * to stand on the first: what lies between the two is either all or nothing. It begins anew as soon as what
 * usually waits has its room, so that the pages behind that stay untouched.
 */
static bool
find_room(struct fs_pending *p, size_t len)
{
    size_t first = p->ring[p->first].from;

    if (p->count == 0) {
        p->next = 0;
        return true;
    }
    if (p->next < first) {
        return len < first - p->next;
    }
    if (p->next >= FS_PENDING_USUAL && len < first) {
        p->next = 0;
        return true;
    }
    return len <= sizeof(p->room) - p->next;
}

struct fs_waiting *
fs_pending_add(struct fs_pending *p, const struct baseline_entry *was, const struct baseline_entry *now)
{
    if (p->count == FS_PENDING || !find_room(p, room_for(was) + room_for(now))) {
        return NULL;
    }
    struct fs_waiting *w = &p->ring[(p->first + p->count) % FS_PENDING];
    p->count++;
    w->from = (uint32_t)p->next;
    w->has_was = was != NULL;
    w->has_now = now != NULL;
    w->reading = w->unknown = false;
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
    return &p->ring[(p->first + place) % FS_PENDING];
}

void
fs_pending_drop(struct fs_pending *p)
{
    p->count--;
    p->first = p->count > 0 ? (p->first + 1) % FS_PENDING : 0;
}

void
fs_pending_clear(struct fs_pending *p)
{
    p->first = p->count = 0;
}
