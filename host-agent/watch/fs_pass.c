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
    p->unknown = 0;
    p->damage.text[0] = '\0';
    p->walking = p->reading = p->held_valid = p->held_gap = false;
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

/* The baseline's next entry, or gap, under this top. */
static void
hold_next(struct fs_pass *p)
{
    const struct fs_span *top = &p->top[p->at];
    const struct baseline_gap *gap = &p->iter.gap;
    enum baseline_step step = baseline_next(&p->iter, &p->held);

    p->held_gap = step == BASELINE_GAP &&
                  (baseline_under(gap->from, gap->from_len, top->path, top->len) ||
                          baseline_order(gap->from, gap->from_len, top->path, top->len) < 0);
    p->held_valid = p->held_gap || (step == BASELINE_ENTRY && baseline_under(p->held.path, p->held.path_len,
                                                                      top->path, top->len));
    if (p->held_gap && p->damage.text[0] == '\0') {
        p->damage = gap->error;
    }
}

static void
tell_gone(struct fs_pass *p)
{
    if (!p->held_gap && !fs_roots_ignored(p->roots, p->held.path, p->held.path_len)) {
        p->told(p->told_to, FS_GONE, &p->held, NULL, 0);
    }
    hold_next(p);
}

/* What was looked at, or read, is complete: tell how it compares. */
static void
tell_item(struct fs_pass *p, enum baseline_step met)
{
    const struct baseline_entry *was = met == BASELINE_ENTRY ? &p->held : NULL;
    struct baseline_entry *now = &p->look.now;

    if (!p->look.exists) {
        return; /* it vanished under our eyes; if the baseline has it, it is gone by order */
    }
    p->looked++;
    if (met == BASELINE_GAP) {
        p->unknown++;
        return;
    }
    now->own = p->read_all && fs_roots_own(p->roots, now->path, now->path_len);
    if (was == NULL) {
        p->told(p->told_to, FS_ADDED, NULL, now, 0);
        return;
    }
    unsigned differs = fs_compare(was, now, NULL, CONF_ATTRS_CONFIG);
    p->told(p->told_to, differs != 0 ? FS_CHANGED : FS_SAME, was, now, differs);
    hold_next(p);
}

/* What the baseline has for the item's path. Entries before it in order have gone. */
static enum baseline_step
meet(struct fs_pass *p)
{
    const struct baseline_entry *now = &p->look.now;

    while (p->held_valid) {
        const struct baseline_gap *gap = p->held_gap ? &p->iter.gap : NULL;
        int order = gap != NULL ? baseline_order(gap->from, gap->from_len, now->path, now->path_len)
                                : baseline_order(p->held.path, p->held.path_len, now->path, now->path_len);

        if (order > 0) {
            return BASELINE_END;
        }
        if (gap != NULL && (gap->until == NULL || baseline_order(now->path, now->path_len, gap->until,
                                                          gap->until_len) < 0)) {
            return BASELINE_GAP;
        }
        if (gap == NULL && order == 0) {
            return BASELINE_ENTRY;
        }
        tell_gone(p);
    }
    return BASELINE_END;
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
    enum baseline_step met = meet(p);
    if (l->now.type == BASELINE_REGULAR && met != BASELINE_GAP &&
            (p->read_all ||
                    (met == BASELINE_ENTRY && fs_needs_content(&p->held, &l->now, CONF_ATTRS_CONFIG)))) {
        p->reading = true;
        return;
    }
    tell_item(p, met);
}

static void
read_on(struct fs_pass *p)
{
    if (!fs_look_step(&p->look)) {
        return;
    }
    p->reading = false;
    p->bytes += p->look.read.bytes;
    tell_item(p, meet(p));
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
