#include "watch/fs_pass.h"
#include <string.h>

void
fs_pass_begin(struct fs_pass *p, const struct fs_span *top, unsigned tops)
{
    p->top = top;
    p->tops = tops;
    p->at = 0;
    p->looked = p->bytes = 0;
    p->skipped = 0;
    p->walking = p->reading = p->held_valid = false;
}

void
fs_pass_abort(struct fs_pass *p)
{
    if (p->reading) {
        fs_look_abort(&p->look);
    }
    fs_walk_end(p->walk);
    p->at = p->tops;
    p->walking = p->reading = false;
}

/* The baseline's next entry under this top. */
static void
hold_next(struct fs_pass *p)
{
    const struct fs_span *top = &p->top[p->at];

    p->held_valid = baseline_next(&p->iter, &p->held) &&
                    baseline_under(p->held.path, p->held.path_len, top->path, top->len);
}

static void
tell_gone(struct fs_pass *p)
{
    if (!fs_roots_ignored(p->roots, p->held.path, p->held.path_len)) {
        p->told(p->told_to, FS_GONE, &p->held, NULL, 0);
    }
    hold_next(p);
}

/* What was looked at, or read, is complete: tell how it compares. */
static void
tell_item(struct fs_pass *p, const struct baseline_entry *was)
{
    struct baseline_entry *now = &p->look.now;

    if (!p->look.exists) {
        return; /* it vanished under our eyes; if the baseline has it, it is gone by order */
    }
    p->looked++;
    now->own = p->read_all && fs_roots_own(p->roots, now->path, now->path_len);
    if (was == NULL) {
        p->told(p->told_to, FS_ADDED, NULL, now, 0);
        return;
    }
    unsigned differs = fs_compare(was, now, NULL, CONF_ATTRS_CONFIG);
    p->told(p->told_to, differs != 0 ? FS_CHANGED : FS_SAME, was, now, differs);
    hold_next(p);
}

/* True when the held entry is for the item's path. Entries before it in order have gone. */
static bool
meet(struct fs_pass *p)
{
    const struct baseline_entry *now = &p->look.now;

    while (p->held_valid) {
        int order = baseline_order(p->held.path, p->held.path_len, now->path, now->path_len);

        if (order == 0) {
            return true;
        }
        if (order > 0) {
            return false;
        }
        tell_gone(p);
    }
    return false;
}

static void
take_item(struct fs_pass *p, const struct fs_item *item)
{
    struct fs_look *l = &p->look;

    fs_look_known(l, item->dir_fd, item->name, &item->st, item->flags);
    l->now.path = item->path;
    l->now.path_len = (uint16_t)item->path_len;
    if (item->unreadable) {
        l->now.state = BASELINE_UNREADABLE;
    }
    bool met = meet(p);
    if (l->now.type == BASELINE_REGULAR &&
            (p->read_all || (met && fs_needs_content(&p->held, &l->now, CONF_ATTRS_CONFIG)))) {
        p->reading = true;
        return;
    }
    tell_item(p, met ? &p->held : NULL);
}

static void
read_on(struct fs_pass *p)
{
    if (!fs_look_step(&p->look)) {
        return;
    }
    p->reading = false;
    p->bytes += p->look.read.bytes;
    tell_item(p, meet(p) ? &p->held : NULL);
}

bool
fs_pass_step(struct fs_pass *p)
{
    struct fs_item item;

    if (p->reading) {
        read_on(p);
        return true;
    }
    if (p->at == p->tops) {
        return false;
    }
    if (!p->walking) {
        const struct fs_span *top = &p->top[p->at];

        baseline_seek(&p->iter, p->base, top->path, top->len);
        hold_next(p);
        fs_walk_begin(p->walk, top->path, top->len, p->roots);
        p->walking = true;
    }
    if (fs_walk_next(p->walk, &item)) {
        take_item(p, &item);
        return true;
    }
    while (p->held_valid) {
        tell_gone(p);
    }
    p->skipped += p->walk->skipped;
    fs_walk_end(p->walk);
    p->walking = false;
    p->at++;
    return p->at < p->tops;
}
