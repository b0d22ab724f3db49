#include "watch/fs_guard.h"
#include "watch/fs_finding.h"
#include "watch/fs_remote.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define AUDIT_BLOCKS 64 /* in one go: half a mebibyte */

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
    finding_addf(&f, "guarding", "%s", baseline_loaded(&g->base) ? "by-index" : "nothing");
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
    g->damaged = false;
}

static void
tell_replaced(struct fs_guard *g, const struct baseline *was)
{
    bool in_place = was->dev == g->base.dev && was->ino == g->base.ino;
    struct finding f;
    char from[7], to[7];

    fs_digest_short(was->root, from);
    fs_digest_short(g->base.root, to);
    finding_begin(&f, FINDING_AGENT_SELF, "baseline", g->path, strlen(g->path));
    f.op = FINDING_EVENT;
    f.severity = in_place ? WIRE_CRIT : WIRE_WARN; /* tocsin never writes in place */
    finding_addf(&f, "state", "replaced");
    finding_addf(&f, "was", "%s", from);
    finding_addf(&f, "now", "%s", to);
    finding_addf(&f, "entries", "%llu", (unsigned long long)g->base.count);
    if (in_place) {
        finding_addf(&f, "how", "in-place");
    }
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

static void
tell_state(struct fs_guard *g)
{
    if (writable_by_others(&g->seen)) {
        tell_wrong(g, "writable", "others may change it", WIRE_WARN);
    } else {
        tell_well(g);
    }
}

/* Nothing is verified any more, and no file waits to be taken over. */
static void
end_audit(struct fs_guard *g)
{
    baseline_unload(&g->next);
    g->auditing = false;
}

/* The file at the path is a whole baseline. */
static void
put_in_force(struct fs_guard *g)
{
    struct baseline old = g->base;

    g->base = g->next;
    g->next = (struct baseline){ .index = NULL };
    tell_state(g);
    tell_replaced(g, &old);
    baseline_unload(&old);
}

/* The same baseline in another file. A sweep in the middle of it goes on by the same index. */
static void
exchange_file(struct fs_guard *g)
{
    struct baseline old = g->base;

    g->base.fd = g->next.fd;
    g->base.dev = g->next.dev;
    g->base.ino = g->next.ino;
    g->next.fd = old.fd;
    tell_state(g);
}

static bool
conclude_audit(struct fs_guard *g)
{
    bool other = baseline_loaded(&g->next) && memcmp(g->base.root, g->next.root, sizeof(g->base.root)) != 0;

    if (other) {
        put_in_force(g);
    } else if (baseline_loaded(&g->next)) {
        exchange_file(g);
    } else {
        tell_state(g);
    }
    end_audit(g);
    return other;
}

/* The file at the path is not the one that was seen last, or was not well. */
static bool
look_into(struct fs_guard *g, bool touched)
{
    struct baseline fresh = { .index = NULL };
    struct baseline_error error;
    int code = baseline_load(&fresh, g->path, &error);

    end_audit(g);
    if (code < 0) {
        tell_wrong(g, code == -ENOENT ? "missing" : "damaged", error.text, WIRE_CRIT);
        return false;
    }
    /* What was opened may be another file than what was looked at, if it was replaced in between. */
    if (fstat(fresh.fd, &g->seen) < 0) {
        g->seen_valid = false;
    }
    if (!baseline_loaded(&g->base)) {
        g->base = fresh;
        tell_state(g);
        return true;
    }
    bool in_place = fresh.dev == g->base.dev && fresh.ino == g->base.ino;
    if (in_place && touched) {
        tell_wrong(g, "changed", "something wrote to it or changed its attributes", WIRE_CRIT);
    }
    if (in_place && memcmp(g->base.root, fresh.root, sizeof(fresh.root)) == 0) {
        baseline_unload(&fresh);
    } else {
        g->next = fresh;
    }
    g->auditing = true;
    g->audit_at = 0;
    return false;
}

/* 0 or an errno. */
static int
find_file(const struct fs_guard *g, struct stat *st)
{
    if (fs_remote_silent_now((const uint8_t *)g->path, strlen(g->path))) {
        return ETIMEDOUT;
    }
    return lstat(g->path, st) < 0 ? errno : 0;
}

bool
fs_guard_look(struct fs_guard *g, bool again)
{
    struct stat st;
    int code = find_file(g, &st);

    if (code != 0) {
        bool fresh = g->seen_valid || !g->open;

        g->seen_valid = false;
        if (fresh || again) {
            tell_wrong(g, code == ENOENT ? "missing" : "unreadable", strerror(code), WIRE_CRIT);
        }
        return false;
    }
    bool touched = !g->seen_valid || !same_file(&st, &g->seen);
    if (!touched && !(again && g->open)) {
        return false;
    }
    g->seen = st;
    g->seen_valid = true;
    return look_into(g, touched);
}

bool
fs_guard_audit(struct fs_guard *g)
{
    const struct baseline *b = baseline_loaded(&g->next) ? &g->next : &g->base;
    struct baseline_error error;

    for (unsigned n = 0; g->auditing && n < AUDIT_BLOCKS; n++) {
        if (g->audit_at == b->blocks) {
            return conclude_audit(g);
        }
        if (!baseline_verify(b, g->audit_at++, &error)) {
            end_audit(g);
            g->damaged = false;
            fs_guard_damaged(g, &error);
        }
    }
    return false;
}

void
fs_guard_damaged(struct fs_guard *g, const struct baseline_error *error)
{
    if (!g->damaged) {
        tell_wrong(g, "damaged", error->text, WIRE_CRIT);
        g->damaged = true;
    }
}
