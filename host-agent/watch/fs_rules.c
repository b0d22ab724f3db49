#include "watch/fs_rules.h"
#include <string.h>

#define NONE (-1)

/* A level and what is live in it, while it is being worked out. */
struct work {
    const struct fs_rules *rules;
    struct fs_rules_level *level;
    struct fs_rule_state *live;
};

static bool
outranks(const struct fs_rules *rules, unsigned one, int other)
{
    return other == NONE || rules->rule[one].rank >= rules->rule[other].rank;
}

/* A rule matches the level's path whole: of those that do, the one of the highest rank, then the last. */
static void
governed(const struct work *w, unsigned rule)
{
    struct fs_rules_level *l = w->level;

    if (l->at < l->end || l->governs == NONE || outranks(w->rules, rule, l->governs)) {
        l->governs = (int)rule;
        l->at = l->end;
    }
}

static void
begin(const struct work *w)
{
    *w->level = (struct fs_rules_level){ .governs = NONE };
    for (unsigned i = 0; i < w->rules->count; i++) {
        const struct fs_rule *r = &w->rules->rule[i];

        if (r->len == 0 && r->pattern.parts == 0) {
            governed(w, i);
        } else {
            w->live[w->level->live++] = (struct fs_rule_state){ .rule = (uint16_t)i,
                .places = r->len == 0 ? pattern_begin(&r->pattern) : 0 };
        }
    }
}

/* Takes one name of the plain beginning. */
static bool
step_plain(const struct fs_rule *r, struct fs_rule_state *s, const uint8_t *name, size_t len, bool *whole)
{
    const uint8_t *at = r->path + s->plain;
    size_t left = r->len - s->plain;

    if (left < len + 1 || memcmp(at + 1, name, len) != 0 || (left > len + 1 && at[len + 1] != '/')) {
        return false;
    }
    s->plain = (uint16_t)(s->plain + len + 1);
    if (s->plain == r->len) {
        *whole = r->pattern.parts == 0;
        s->places = pattern_begin(&r->pattern);
        return s->places != 0;
    }
    return true;
}

/* Goes down by one name, in place. `end` is the length of the path with it. */
static void
step(const struct work *w, const uint8_t *name, size_t len, size_t end)
{
    unsigned kept = 0;

    w->level->end = end;
    for (unsigned i = 0; i < w->level->live; i++) {
        struct fs_rule_state s = w->live[i];
        const struct fs_rule *r = &w->rules->rule[s.rule];
        bool whole = false, alive;

        if (s.plain < r->len) {
            alive = step_plain(r, &s, name, len, &whole);
        } else {
            s.places = pattern_step(&r->pattern, s.places, name, len, &whole);
            alive = s.places != 0;
        }
        if (whole) {
            governed(w, s.rule);
        }
        if (alive) {
            w->live[kept++] = s;
        }
    }
    w->level->live = kept;
}

static struct fs_match
conclude(const struct work *w)
{
    const struct fs_rules_level *l = w->level;
    struct fs_match m = { .rule = NULL };

    if (l->governs != NONE && !w->rules->rule[l->governs].ignore) {
        m.rule = &w->rules->rule[l->governs];
        m.at = l->at;
    }
    for (unsigned i = 0; i < l->live && !m.below; i++) {
        m.below = !w->rules->rule[w->live[i].rule].ignore;
    }
    return m;
}

/* The name that follows the first `end` bytes of the path; 0 behind the last. */
static size_t
name_behind(const uint8_t *path, size_t len, size_t end, const uint8_t **name)
{
    if (end + 1 >= len) {
        return 0;
    }
    const uint8_t *slash = memchr(path + end + 1, '/', len - end - 1);

    *name = path + end + 1;
    return (size_t)((slash != NULL ? slash : path + len) - *name);
}

struct fs_match
fs_rules_find(const struct fs_rules *rules, const uint8_t *path, size_t len)
{
    struct fs_rules_level level;
    struct fs_rule_state live[FS_RULES];
    const struct work w = { .rules = rules, .level = &level, .live = live };
    const uint8_t *name;
    size_t n;

    begin(&w);
    while (level.live > 0 && (n = name_behind(path, len, level.end, &name)) > 0) {
        step(&w, name, n, level.end + 1 + n);
    }
    return conclude(&w);
}

void
fs_rules_start(struct fs_rules_cursor *c)
{
    c->levels = 0;
}

/* Drops the levels that are not on the way to the path; one stays. */
static void
go_up(struct fs_rules_cursor *c, const uint8_t *path, size_t len)
{
    while (c->levels > 1) {
        size_t end = c->level[c->levels - 1].end;

        if (end < len && path[end] == '/' && memcmp(c->text, path, end) == 0) {
            return;
        }
        c->levels--;
    }
}

/* The next level, with what the last one knows; the last itself when there is no room for one more. */
static struct work
go_down(const struct fs_rules *rules, struct fs_rules_cursor *c, const uint8_t *path, size_t end)
{
    unsigned from = c->levels - 1, to = c->levels;

    memcpy(c->text + c->level[from].end, path + c->level[from].end, end - c->level[from].end);
    c->level[to] = c->level[from];
    memcpy(c->live[to], c->live[from], c->level[from].live * sizeof(c->live[0][0]));
    c->levels++;
    return (struct work){ .rules = rules, .level = &c->level[to], .live = c->live[to] };
}

struct fs_match
fs_rules_next(const struct fs_rules *rules, struct fs_rules_cursor *c, const uint8_t *path, size_t len)
{
    struct work w = { .rules = rules, .level = &c->level[0], .live = c->live[0] };
    const uint8_t *name;
    size_t n;

    if (c->levels == 0) {
        c->levels = 1;
        begin(&w);
    }
    go_up(c, path, len);
    w.level = &c->level[c->levels - 1];
    w.live = c->live[c->levels - 1];
    while ((n = name_behind(path, len, w.level->end, &name)) > 0) {
        size_t end = w.level->end + 1 + n;

        if (c->levels == FS_RULES_LEVELS || end > sizeof(c->text)) {
            return fs_rules_find(rules, path, len);
        }
        w = go_down(rules, c, path, end);
        step(&w, name, n, end);
    }
    return conclude(&w);
}
