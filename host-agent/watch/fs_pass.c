#include "watch/fs_pass.h"
#include "alarm/pages.h"
#include "watch/fs_remote.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

void
fs_pass_begin(struct fs_pass *p, const struct fs_span *top, unsigned tops)
{
    p->top = top;
    p->tops = tops;
    p->at = 0;
    p->looked = p->bytes = 0;
    p->skipped = 0;
    p->unknown = p->unread = p->number = 0;
    p->damage.text[0] = '\0';
    p->unlooked = p->closed_before = false;
    p->unlisted_len = 0;
    p->walking = p->draining = p->full = p->rereading = p->held_valid = p->held_gap = p->item_valid = false;
    if (p->workers == NULL) {
        p->workers = fs_workers_none(p->alone);
    }
    fs_pending_clear(&p->pending);
}

static void
end_rereading(struct fs_pass *p)
{
    if (p->rereading) {
        fs_look_abort(&p->again);
        close(p->again_fd);
        p->rereading = false;
    }
}

static void
rest_pending(struct fs_pass *p)
{
    pages_rest(p->pending.ring, sizeof(p->pending.ring));
    pages_rest(p->pending.room, sizeof(p->pending.room));
}

void
fs_pass_rest(struct fs_pass *p)
{
    baseline_iter_rest(&p->iter);
    rest_pending(p);
}

void
fs_pass_abort(struct fs_pass *p)
{
    fs_workers_drop(p->workers);
    fs_pending_clear(&p->pending);
    end_rereading(p);
    fs_walk_end(p->walk);
    p->at = p->tops;
    p->walking = p->full = p->held_valid = p->item_valid = false;
}

bool
fs_pass_let_go(struct fs_pass *p)
{
    p->draining = p->pending.count > 0 || p->rereading || p->item_valid || p->walk->next_fd >= 0;
    if (!p->draining) {
        fs_walk_let_go(p->walk);
        rest_pending(p);
    }
    return !p->draining;
}

/* The baseline's next entry, or gap, under this top. */
static void
hold_next(struct fs_pass *p)
{
    const struct fs_span *top = &p->top[p->at];
    const struct baseline_gap *gap = &p->iter.gap;
    p->number += p->held_valid && !p->held_gap ? 1 : 0;
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

/* ---- telling ---- */

/* Nothing was found where the baseline has something. `unknown`: because no look was possible. */
static void
tell_missing(struct fs_pass *p, const struct baseline_entry *was, bool unknown)
{
    if (!unknown && !fs_remote_silent(was->path, was->path_len)) {
        p->told(p->told_to, FS_GONE, was, NULL, 0);
        return;
    }
    p->unlooked = true;
    if (p->read_all) {
        p->told(p->told_to, FS_UNLOOKED, was, NULL, 0);
    }
}

/* What was to be read is. `was` may be NULL. `rule` is that of `now`. */
static void
tell(struct fs_pass *p, const struct baseline_entry *was, struct baseline_entry *now,
        const struct fs_rule *rule, const struct fs_sight *sight)
{
    p->looked++;
    now->own = p->read_all && fs_roots_own(p->roots, now->path, now->path_len);
    if (was == NULL) {
        p->told(p->told_to, FS_ADDED, NULL, now, 0);
        return;
    }
    unsigned differs = fs_compare(was, now, !p->read_all, rule->attrs);
    if (p->seen != NULL) {
        fs_seen_note(p->seen, sight, differs == 0 && !fs_lacks_content(was, now, rule));
    }
    p->told(p->told_to, differs != 0 ? FS_CHANGED : FS_SAME, was, now, differs);
}

/* The first that is pending is complete, with this for its present state. */
static void
tell_first(struct fs_pass *p, struct baseline_entry *now)
{
    struct fs_waiting *w = fs_pending_at(&p->pending, 0);

    if (now != NULL) {
        tell(p, w->has_was ? &w->was : NULL, now, w->rule, &w->sight);
    } else if (w->has_was) {
        tell_missing(p, &w->was, w->unknown);
    }
    fs_pending_drop(&p->pending);
    p->full = false;
}

/* Behind what is pending. NULL with `full` set when there is no room. */
static struct fs_waiting *
put_behind(struct fs_pass *p, const struct baseline_entry *was, struct baseline_entry *now)
{
    struct fs_waiting *w = fs_pending_add(&p->pending, was, now);

    p->full = w == NULL || p->pending.count == FS_PENDING || p->workers->threads == 0;
    return w;
}

/*
 * At once when nothing is pending and nothing is to be read, else behind what is pending. False with `full`
 * set when there is no room. `reading` is NULL, or gets the place of what is to be read.
 */
static bool
tell_in_order(struct fs_pass *p, const struct baseline_entry *was, struct baseline_entry *now,
        const struct fs_rule *rule, struct fs_waiting **reading)
{
    if (p->pending.count == 0 && reading == NULL) {
        tell(p, was, now, rule, &p->sight);
        return true;
    }
    struct fs_waiting *w = put_behind(p, was, now);
    if (w != NULL) {
        w->rule = rule;
        w->sight = p->sight;
    }
    if (reading != NULL) {
        *reading = w;
    }
    return w != NULL;
}

/* The same for what the baseline has and nobody found. */
static bool
tell_missing_in_order(struct fs_pass *p, const struct baseline_entry *was, bool unknown)
{
    if (p->pending.count == 0) {
        tell_missing(p, was, unknown);
        return true;
    }
    struct fs_waiting *w = put_behind(p, was, NULL);
    if (w != NULL) {
        w->unknown = unknown;
    }
    return w != NULL;
}

/* ---- files that changed while they were read ---- */

static void
end_again(struct fs_pass *p)
{
    struct fs_waiting *w = fs_pending_at(&p->pending, 0);

    p->bytes += p->again.read.bytes;
    p->again.now.path = w->now.path;
    p->again.now.path_len = w->now.path_len;
    w->unknown = !fs_is_gone(p->again.error);
    w->sight.st = p->again.st;
    w->sight.flags = p->again.flags;
    tell_first(p, p->again.exists ? &p->again.now : NULL);
    end_rereading(p);
}

/* How much of a log is read: what the baseline has, to compare; all, to make a baseline. */
static uint64_t
head_of(const struct fs_pass *p, const struct fs_waiting *w)
{
    return p->read_all || !w->has_was ? UINT64_MAX : w->was.size;
}

/* By its path: the walk has gone on. */
static void
look_again(struct fs_pass *p)
{
    struct fs_waiting *w = fs_pending_at(&p->pending, 0);
    size_t parent = w->now.path_len;

    while (parent > 1 && w->now.path[parent - 1] != '/') {
        parent--;
    }
    p->again_fd = fs_open_dir(w->now.path, parent > 1 ? parent - 1 : 1);
    if (p->again_fd < 0) {
        w->unknown = !fs_is_gone(errno);
        tell_first(p, NULL);
        return;
    }
    p->rereading = true;
    w->sight.at_ns = fs_seen_now();
    fs_look(&p->again, p->again_fd, (const char *)w->now.path + parent);
    if ((w->rule->attrs & CONF_ATTR_GROW) != 0) {
        fs_look_log(&p->again, head_of(p, w));
    }
    if (!p->again.exists || p->again.now.type != BASELINE_REGULAR) {
        end_again(p);
    }
}

static bool
is_being_read(const struct fs_waiting *w)
{
    return w->reading && !fs_workers_done(&w->job);
}

static bool
first_is_complete(const struct fs_pass *p)
{
    const struct fs_waiting *w = &p->pending.ring[p->pending.first];

    return p->pending.count > 0 && !is_being_read(w);
}

const struct baseline_entry *
fs_pass_awaited(struct fs_pass *p)
{
    struct fs_waiting *first = fs_pending_at(&p->pending, 0);

    return p->pending.count > 0 && is_being_read(first) ? &first->now : NULL;
}

static void
take_first(struct fs_pass *p)
{
    struct fs_waiting *w = fs_pending_at(&p->pending, 0);

    if (w->reading) {
        p->bytes += w->job.read.bytes;
        if (w->job.result == FS_READ_CHANGED) {
            look_again(p);
            return;
        }
        w->now.state = w->job.result == FS_READ_DONE ? BASELINE_READ : BASELINE_UNREADABLE;
        memcpy(w->now.digest, w->job.read.digest, sizeof(w->now.digest));
    }
    tell_first(p, w->has_now ? &w->now : NULL);
}

/* ---- the walk ---- */

/* The first place of the pass that could not be listed or looked at. Silent mounts are told as such. */
static void
note_unlisted(struct fs_pass *p, const uint8_t *path, size_t len)
{
    if (p->unlisted_len == 0 && !fs_remote_silent(path, len)) {
        memcpy(p->unlisted, path, len);
        p->unlisted_len = len;
    }
    p->unlooked = true;
}

/* The item the walk gave is behind the baseline's entry: nothing is there, or the walk could not look. */
static void
place_gone(struct fs_pass *p)
{
    const struct fs_walk *w = p->walk;
    const struct baseline_entry *held = &p->held;

    if (p->held_gap || !fs_roots_hold(p->roots, held->path, held->path_len)) {
        hold_next(p);
        return;
    }
    bool unknown =
            w->unlisted_len > 0 && baseline_under(held->path, held->path_len, w->unlisted, w->unlisted_len);
    if (unknown) {
        note_unlisted(p, w->unlisted, w->unlisted_len);
    }
    if (tell_missing_in_order(p, held, unknown)) {
        hold_next(p);
    }
}

static void
begin_read(struct fs_pass *p, struct fs_waiting *w)
{
    w->reading = true;
    w->job.result = fs_read_open(&w->job.read, p->item.dir_fd, p->item.name, &p->item.st);
    if ((w->rule->attrs & CONF_ATTR_GROW) != 0) {
        fs_read_log(&w->job.read, head_of(p, w));
    }
    if (w->job.result == FS_READ_MORE) {
        fs_workers_give(p->workers, &w->job);
    } else {
        atomic_store(&w->job.done, true);
    }
}

/* Done with the item, and with the baseline's entry for it, if there is one. */
static void
leave_item(struct fs_pass *p, const struct baseline_entry *was)
{
    p->item_valid = false;
    if (was != NULL) {
        hold_next(p);
    }
}

/* The walk's item, which the baseline's entry is for unless `was` is NULL. */
static void
place_item(struct fs_pass *p, const struct baseline_entry *was)
{
    struct fs_look *l = &p->look;

    if (p->item.rule == NULL) {
        leave_item(p, was);
        return;
    }
    fs_look_known(l, p->item.dir_fd, p->item.name, &p->item.st, p->item.flags);
    l->now.path = p->item.path;
    l->now.path_len = (uint16_t)p->item.path_len;
    if (p->item.unreadable) {
        l->now.state = BASELINE_UNREADABLE;
        p->closed_before = was != NULL && was->state == BASELINE_UNREADABLE;
    }
    bool read = p->read_all ? fs_wants_content(&l->now, p->item.rule)
                            : was != NULL && fs_needs_content(was, &l->now, p->item.rule);
    struct fs_waiting *w;
    if (!tell_in_order(p, was, &l->now, p->item.rule, read ? &w : NULL)) {
        return;
    }
    if (read) {
        begin_read(p, w);
    }
    p->unread += fs_lacks_content(was, &l->now, p->item.rule);
    leave_item(p, was);
}

/* The item is where the baseline is damaged: what it was is not known. */
static void
place_unknown(struct fs_pass *p)
{
    p->looked++;
    p->unknown++;
    p->item_valid = false;
}

static bool
looks_the_same(const struct fs_pass *p)
{
    return p->trust_seen && p->seen != NULL && !p->item.unreadable && fs_seen_same(p->seen, &p->sight);
}

/* One step of the merge: either the baseline's next, or the item, or both. */
static void
place(struct fs_pass *p)
{
    const struct fs_item *item = &p->item;
    const struct baseline_gap *gap = &p->iter.gap;

    if (!p->held_valid) {
        place_item(p, NULL);
        return;
    }
    int order = p->held_gap ? baseline_order(gap->from, gap->from_len, item->path, item->path_len)
                            : baseline_order(p->held.path, p->held.path_len, item->path, item->path_len);
    bool in_gap = p->held_gap && order <= 0 &&
                  (gap->until == NULL ||
                          baseline_order(item->path, item->path_len, gap->until, gap->until_len) < 0);
    if (in_gap) {
        place_unknown(p);
    } else if (order > 0) {
        place_item(p, NULL);
    } else if (order == 0 && !p->held_gap && looks_the_same(p)) {
        p->looked++;
        p->item_valid = false;
        hold_next(p);
    } else if (order == 0 && !p->held_gap) {
        place_item(p, &p->held);
    } else {
        place_gone(p);
    }
}

static void
begin_top(struct fs_pass *p)
{
    const struct fs_span *top = &p->top[p->at];

    baseline_seek(&p->iter, p->base, top->path, top->len);
    p->closed_before = false;
    hold_next(p);
    fs_walk_begin(p->walk, top->path, top->len, p->roots);
    p->walking = true;
}

/* Nothing more is there; nothing of the baseline is left under this top, either. */
static void
end_top(struct fs_pass *p)
{
    p->skipped += p->walk->skipped;
    fs_walk_end(p->walk);
    p->walking = false;
    p->at++;
}

/* A directory that was closed to us when the baseline was made hides nothing that was seen then. */
static void
next_item(struct fs_pass *p)
{
    const struct fs_walk *w = p->walk;

    p->item_valid = fs_walk_next(p->walk, &p->item);
    if (w->unlisted_len > 0 && !p->closed_before) {
        note_unlisted(p, w->unlisted, w->unlisted_len);
    }
    p->closed_before = p->closed_before && !p->item_valid;
}

static void
walk_on(struct fs_pass *p)
{
    const struct fs_span *top = &p->top[p->at];

    if (!p->walking && fs_remote_silent_now(top->path, top->len)) {
        p->unlooked = true;
        if (!p->read_all) {
            p->at++;
            return;
        }
    }
    if (!p->walking) {
        begin_top(p);
    }
    if (!p->item_valid) {
        next_item(p);
    }
    if (p->item_valid) {
        p->sight = (struct fs_sight){ .st = p->item.st,
            .flags = p->item.flags,
            .number = p->number,
            .at_ns = p->seen != NULL ? fs_seen_now() : 0 };
        place(p);
    } else if (p->held_valid) {
        place_gone(p);
    } else {
        end_top(p);
    }
}

/*
 * Of the files that are being read not the first, as each wait costs a switch of threads: the last, or when
 * the walk is to go on meanwhile the one in their middle.
 */
static unsigned
place_to_await(struct fs_pass *p)
{
    struct fs_pending *pending = &p->pending;
    unsigned behind = p->full || fs_workers_full(p->workers) ? FS_JOBS / 2 : 0;
    unsigned place = pending->count - 1;

    for (; place > 0; place--) {
        if (is_being_read(fs_pending_at(pending, place)) && behind-- == 0) {
            break;
        }
    }
    return place;
}

/* Nothing more is taken on. */
static enum fs_pass_step
wait_for_workers(struct fs_pass *p)
{
    struct fs_pending *pending = &p->pending;

    if (fs_workers_help(p->workers)) {
        return FS_PASS_MORE;
    }
    if (!p->workers->background) {
        fs_workers_wait(p->workers, &fs_pending_at(pending, 0)->job);
        return FS_PASS_MORE;
    }
    struct fs_job *job = &fs_pending_at(pending, place_to_await(p))->job;

    return fs_workers_await(p->workers, job) ? FS_PASS_WAITS : FS_PASS_MORE;
}

enum fs_pass_step
fs_pass_step(struct fs_pass *p)
{
    if (p->rereading) {
        if (fs_look_step(&p->again)) {
            end_again(p);
        }
    } else if (first_is_complete(p)) {
        take_first(p);
    } else if (p->pending.count > 0 &&
               (p->full || p->draining || p->at == p->tops || fs_workers_full(p->workers))) {
        return wait_for_workers(p);
    } else if (p->at < p->tops) {
        walk_on(p);
    }
    return p->at < p->tops || p->pending.count > 0 ? FS_PASS_MORE : FS_PASS_OVER;
}
