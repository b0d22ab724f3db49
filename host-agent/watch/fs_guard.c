#include "watch/fs_guard.h"
#include "watch/fs_finding.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

bool
fs_guard_init(struct fs_guard *g, const struct detector_env *env)
{
    memset(g, 0, sizeof(*g));
    g->env = env;
    return conf_state_path(env->conf, BASELINE_FILE, g->path, sizeof(g->path));
}

static void
tell_wrong(struct fs_guard *g, const char *state, const char *why, enum wire_severity severity)
{
    struct finding f;

    finding_begin(&f, FINDING_AGENT_SELF, "baseline", g->path, strlen(g->path));
    f.severity = (uint8_t)severity;
    finding_addf(&f, "state", "%s", state);
    finding_add(&f, "why", why, strlen(why));
    finding_addf(&f, "guarding", "%s", baseline_loaded(&g->base) ? "by-copy" : "nothing");
    g->env->report(g->env->report_to, &f);
    g->open = true;
}

static void
tell_well(struct fs_guard *g)
{
    struct finding f;

    if (g->open) {
        finding_begin(&f, FINDING_AGENT_SELF, "baseline", g->path, strlen(g->path));
        f.op = FINDING_CLOSE;
        g->env->report(g->env->report_to, &f);
        g->open = false;
    }
}

static void
tell_replaced(struct fs_guard *g, const uint8_t *was)
{
    struct finding f;
    char from[7], to[7];

    fs_digest_short(was, from);
    fs_digest_short(g->base.root, to);
    finding_begin(&f, FINDING_AGENT_SELF, "baseline", g->path, strlen(g->path));
    f.op = FINDING_EVENT;
    f.severity = WIRE_WARN;
    finding_addf(&f, "state", "replaced");
    finding_addf(&f, "was", "%s", from);
    finding_addf(&f, "now", "%s", to);
    finding_addf(&f, "entries", "%llu", (unsigned long long)g->base.count);
    g->env->report(g->env->report_to, &f);
}

/* Another root may write it: what is in force was verified, but the next start would believe what it finds.
 */
static bool
writable_by_others(const struct stat *st)
{
    return (st->st_mode & 022) != 0 || (st->st_uid != 0 && st->st_uid != geteuid());
}

static bool
same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mode == b->st_mode && a->st_uid == b->st_uid && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
           a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* Loads the file; the one in force goes only when the new one is whole. */
static bool
take_over(struct fs_guard *g, const struct stat *st)
{
    struct baseline fresh = { .bytes = NULL }, old = g->base;
    struct baseline_error error;
    int code = baseline_load(&fresh, g->path, &error);

    if (code < 0) {
        tell_wrong(g, code == -ENOENT ? "missing" : "damaged", error.text, WIRE_CRIT);
        return false;
    }
    bool other = !baseline_loaded(&old) || memcmp(old.root, fresh.root, sizeof(old.root)) != 0;
    if (other) {
        g->base = fresh;
    } else {
        /* A sweep may be in the middle of the one in force. */
        baseline_unload(&fresh);
    }
    if (writable_by_others(st)) {
        tell_wrong(g, "writable", "others may change it", WIRE_WARN);
    } else {
        tell_well(g);
    }
    if (other && baseline_loaded(&old)) {
        tell_replaced(g, old.root);
        baseline_unload(&old);
    }
    return other;
}

bool
fs_guard_look(struct fs_guard *g, bool again)
{
    struct stat st;

    if (lstat(g->path, &st) < 0) {
        int code = errno;
        bool fresh = g->seen_valid || !g->open;

        g->seen_valid = false;
        if (fresh || again) {
            tell_wrong(g, code == ENOENT ? "missing" : "unreadable", strerror(code), WIRE_CRIT);
        }
        return false;
    }
    if (g->seen_valid && same_file(&st, &g->seen) && !(again && g->open)) {
        return false;
    }
    g->seen = st;
    g->seen_valid = true;
    return take_over(g, &st);
}
