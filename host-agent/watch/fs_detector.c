/*
 * fs_detector - files: events first, a sweep behind them
 *
 * An event says where; the look at that place decides and is told at once. The sweep compares everything with
 * the baseline, in slices that give way to events. Both go by the same comparison, so that they cannot
 * disagree.
 */
#include "alarm/clock.h"
#include "conf/name.h"
#include "conf/plural.h"
#include "watch/baseline.h"
#include "watch/detector.h"
#include "watch/fs_doer.h"
#include "watch/fs_explain.h"
#include "watch/fs_finding.h"
#include "watch/fs_guard.h"
#include "watch/fs_heard.h"
#include "watch/fs_look.h"
#include "watch/fs_pass.h"
#include "watch/fs_remote.h"
#include "watch/fs_rolling.h"
#include "watch/fs_roots.h"
#include "watch/fs_rotated.h"
#include "watch/fs_seen.h"
#include "watch/fs_self.h"
#include "watch/fs_sources.h"
#include "watch/fs_walk.h"
#include "wire/escape.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SLICE_MS 20
#define STEPS_BETWEEN_LOOKS 32 /* of a slice: at the clock and at waiting events */
#define SWEEP_THREADS 4        /* at most */
#define TREE_MS 200            /* for a look at all that is below a place; other events wait as long */
#define READ_AT_ONCE ((uint64_t)64 << 20) /* bytes of a file that an event's look reads; the same */
#define SILENT_TOLD 32                    /* mounts that do not answer, told one by one */
#define READINGS_MS 1000                  /* between two looks at the workers */
#define GUARD_MS 1000                     /* between two looks at the baseline's file, */
#define GUARD_HEARD_MS 4000               /* and where the kernel tells of what becomes of it */
#define STUCK_LOOKS 10                    /* of these without a step of the workers: something holds them */

/* What is known of a pass that waits for its workers. */
struct reading {
    bool told;      /* that it is stuck */
    unsigned looks; /* since they last ended a step */
    unsigned steps; /* what they had ended then */
};

struct files {
    const struct detector_env *env;
    struct fs_guard guard;
    struct fs_self self;
    struct fs_roots roots;
    struct fs_walk sweep_walk;
    struct fs_walk tree_walk;
    struct fs_pass sweep;
    struct fs_workers workers; /* the sweep's, or a check's */
    struct fs_rolling rolling; /* behind the sweeps */
    struct fs_seen seen;
    struct fs_pass tree;        /* a directory that came or went */
    struct fs_look look;        /* at one event's place */
    struct baseline_iter place; /* in the baseline, for it */
    bool base_told;
    bool base_none;
    uint8_t base_root[WIRE_HASH_SIZE];
    struct fs_sources sources;
    struct fs_doers doers;
    struct fs_heard heard;
    const struct fs_news *news; /* what is being looked at because of it; NULL in a sweep */
    bool mapped;
    bool begun; /* descriptors that are not open are -1 */
    bool once;  /* a check: nothing waits */
    bool sweeping;
    bool settled; /* a whole sweep has ended */
    bool rolls;
    bool again; /* another sweep is wanted when this one is over */
    bool lost;  /* events were lost since the last sweep began */
    bool lost_open;
    bool unread_open;
    bool unlisted_open;
    bool sources_open; /* a finding says that they are less than they could be */
    struct reading sweep_reading;
    struct reading rolling_reading;
    int64_t readings_due; /* when they are looked at next */
    int64_t sweep_began;
    int64_t sweep_due;
    int64_t sweep_took;
    int64_t sweep_ended; /* 0: none did yet */
    uint64_t sweep_looked;
    int64_t guard_due;
    int64_t asked_ms; /* when the mounts were asked before a sweep; 0: not now */
    unsigned silent;  /* mounts, told one by one */
};

/* Not initialised here: it would be some megabytes of zeros in the program's file. */
static struct files files;

static void
report(const struct finding *f)
{
    files.env->report(files.env->report_to, f);
}

static void
alive(void *unused)
{
    (void)unused;
    files.env->alive(files.env->alive_to);
}

/* ---- what is told ---- */

/* Something about how files are watched: begins to tell it. */
static void
begin_source(struct finding *f, const char *subject, enum finding_op op, enum wire_severity severity,
        const char *state)
{
    finding_begin(f, FINDING_AGENT_SELF, "source", subject, strlen(subject));
    f->op = (uint8_t)op;
    f->severity = severity;
    finding_addf(f, "state", "%s", state);
}

static void
tell_source(const char *subject, enum finding_op op, enum wire_severity severity, const char *state,
        const char *key, const void *value, size_t len)
{
    struct finding f;

    begin_source(&f, subject, op, severity, state);
    finding_add(&f, key, value, len);
    report(&f);
}

static void
tell_lost(enum finding_op op, const char *why)
{
    tell_source("files.queue", op, WIRE_WARN, "lost", "why", why, strlen(why));
}

/* How the files are watched, when it is less than it could be. Told at each sweep: the core may be new. */
static void
tell_sources(void)
{
    const struct fs_sources *s = &files.sources;
    bool inotify = s->inotify.fd >= 0, less = s->refused != 0 || s->mountinfo < 0 || s->cut;
    struct finding f;

    if (!less && !files.sources_open) {
        return;
    }
    files.sources_open = less;
    begin_source(&f, "files.events", less ? FINDING_OPEN : FINDING_CLOSE, WIRE_WARN,
            s->refused == 0 || inotify ? "reduced" : "missing");
    if (s->refused != 0) {
        const char *why = strerror(-s->refused);

        finding_addf(&f, "uses", "%s", inotify ? "inotify" : "sweep");
        finding_add(&f, "fanotify", why, strlen(why));
    }
    if (s->inotify.refused > 0) {
        finding_addf(&f, "refused", "yes");
    }
    if (s->mountinfo < 0 || s->cut) {
        finding_addf(&f, "mounts", "%s", s->cut ? "too-many" : "unread");
    }
    report(&f);
}

/* How many files are not read though their rules ask for it: they are too large, or the baseline has no
 * content. */
static void
tell_unread(void)
{
    struct finding f;

    if (files.sweep.unread == 0 && !files.unread_open) {
        return;
    }
    files.unread_open = files.sweep.unread > 0;
    begin_source(&f, "files.content", files.unread_open ? FINDING_OPEN : FINDING_CLOSE, WIRE_NOTE, "unread");
    finding_addf(&f, "files", "%llu", (unsigned long long)files.sweep.unread);
    report(&f);
}

/* A directory that cannot be listed hides what is in it: the first of the sweep is named, until one lists
 * all. */
static void
tell_unlisted(void)
{
    const struct fs_pass *sweep = &files.sweep;

    if (sweep->unlisted_len == 0 && !files.unlisted_open) {
        return;
    }
    files.unlisted_open = sweep->unlisted_len > 0;
    tell_source("files.names", files.unlisted_open ? FINDING_OPEN : FINDING_CLOSE, WIRE_ERRO, "unlisted",
            "path", sweep->unlisted, sweep->unlisted_len);
}

/*
 * A disk or a server that never ends a read, and whoever may answer for one (fanotify's permission events),
 * holds a worker and with it the pass. Looks are counted, not time: a machine that slept is not stuck.
 */
static void
look_at_reading(struct reading *r, const char *subject, struct fs_pass *pass)
{
    const struct baseline_entry *at = pass != NULL ? fs_pass_awaited(pass) : NULL;
    unsigned steps = at != NULL ? atomic_load(&pass->workers->steps) : r->steps;

    if (at != NULL) {
        fs_workers_wake(pass->workers);
    }
    if (at == NULL || steps != r->steps) {
        r->steps = steps;
        r->looks = 0;
    } else if (++r->looks == STUCK_LOOKS) {
        tell_source(subject, FINDING_OPEN, WIRE_ERRO, "stuck", "path", at->path, at->path_len);
        r->told = true;
    }
    if (r->told && r->looks == 0) {
        tell_source(subject, FINDING_CLOSE, WIRE_ERRO, "stuck", "path", "", 0);
        r->told = false;
    }
}

static void
look_at_readings(int64_t now)
{
    if (now < files.readings_due) {
        return;
    }
    files.readings_due = clock_next_ms(now, READINGS_MS);
    look_at_reading(&files.sweep_reading, "files.sweep", files.sweeping ? &files.sweep : NULL);
    look_at_reading(
            &files.rolling_reading, "files.rolling", files.rolling.running ? &files.rolling.pass : NULL);
}

static void look_again(const uint8_t *path, size_t len);

/* What an event told of meanwhile the pass may have from before. What a look cannot read at once stays the
 * pass's. */
static bool
is_old(const struct baseline_entry *was, const struct baseline_entry *now)
{
    const struct baseline_entry *place = now != NULL ? now : was;

    return (now == NULL || now->size <= READ_AT_ONCE) &&
           fs_heard_of(&files.heard, place->path, place->path_len);
}

/* A log that was rotated is no trouble, and told as what it is. */
static bool
was_rotated(enum fs_verdict verdict, const struct baseline_entry *was, const struct baseline_entry *now,
        unsigned differs)
{
    char name[NAME_MAX + 1];
    struct finding f;

    if (was == NULL || verdict == FS_SAME) {
        return false;
    }
    struct fs_match match = fs_roots_find(&files.roots, was->path, was->path_len);
    enum fs_rotated how =
            match.rule != NULL ? fs_rotated_look(was, now, differs, match.rule->attrs, name) : FS_ROTATED_NOT;

    if (how == FS_ROTATED_NEWS && !files.once) {
        fs_finding_well(&f, was->path, was->path_len);
        report(&f);
        finding_begin(&f, FINDING_INTEGRITY_CHANGED, "path", was->path, was->path_len);
        f.op = FINDING_EVENT;
        f.severity = WIRE_INFO;
        finding_addf(&f, "log", "rotated");
        finding_add(&f, "to", name, strlen(name));
        report(&f);
    }
    return how != FS_ROTATED_NOT;
}

static void
sweep_told(void *to, enum fs_verdict verdict, const struct baseline_entry *was,
        const struct baseline_entry *now, unsigned differs)
{
    const struct detector_env *env = to;
    const struct baseline_entry *place = now != NULL ? now : was;
    struct finding f;

    if (verdict != FS_SAME && is_old(was, now)) {
        look_again(place->path, place->path_len);
    } else if (verdict != FS_SAME && !was_rotated(verdict, was, now, differs) &&
               (files.once || !fs_explain_takes(verdict, was, now, differs))) {
        fs_finding(&f, verdict, was, now, differs);
        env->report(env->report_to, &f);
    }
}

/* Who did it, and from where: what no later look can say. */
static void
tell_news(struct finding *f)
{
    const struct fs_news *news = files.news;

    if (news == NULL) {
        return;
    }
    if (news->other != NULL) {
        finding_aside(f);
        finding_add(f, news->other_key, news->other, news->other_len);
    }
    fs_doer_tell(fs_doers_look(&files.doers, news->pid, news->pidfd), f);
}

static void
event_told(void *unused, enum fs_verdict verdict, const struct baseline_entry *was,
        const struct baseline_entry *now, unsigned differs)
{
    struct finding f;

    (void)unused;
    if (verdict != FS_SAME &&
            (was_rotated(verdict, was, now, differs) || fs_explain_takes(verdict, was, now, differs))) {
        return;
    }
    fs_finding(&f, verdict, was, now, differs);
    if (verdict != FS_SAME) {
        tell_news(&f);
    }
    report(&f);
}

/* ---- sweeps ---- */

static void
sweep_soon(void)
{
    /* At most every other moment is spent on sweeps that someone provokes. */
    int64_t earliest = files.sweep_began + 2 * files.sweep_took;

    files.again = files.sweeping;
    if (earliest < files.sweep_due) {
        files.sweep_due = earliest;
    }
}

static void
tell_silent(const char *point, enum finding_op op)
{
    struct finding f;

    finding_begin(&f, FINDING_AGENT_SELF, "mount", point, strlen(point));
    f.op = (uint8_t)op;
    f.severity = WIRE_ERRO;
    finding_addf(&f, "state", "silent");
    finding_addf(&f, "guarding", "nothing-on-it");
    report(&f);
}

/* Where a mount is may be longer than any path that can be given: a folder above it was moved. */
static const char *
silent_point(unsigned i)
{
    const char *point = fs_remote_at(i);

    return point != NULL && strlen(point) < PATH_MAX ? point : NULL;
}

/* Mounts that do not answer are left out, and told at each sweep; one that answers again is guarded again.
 * `changed`: others were left out since. */
static void
tell_mounts(bool changed)
{
    static char told[SILENT_TOLD][PATH_MAX];
    static bool more;
    unsigned are = 0;

    for (unsigned i = 0; i < files.silent; i++) {
        if (!fs_remote_silent((const uint8_t *)told[i], strlen(told[i]))) {
            tell_silent(told[i], FINDING_CLOSE);
            changed = true;
        }
    }
    for (; are < SILENT_TOLD && silent_point(are) != NULL; are++) {
        memcpy(told[are], silent_point(are), strlen(silent_point(are)) + 1);
        tell_silent(told[are], FINDING_OPEN);
    }
    if (more || fs_remote_at(are) != NULL) {
        more = fs_remote_at(are) != NULL;
        tell_silent("others", more ? FINDING_OPEN : FINDING_CLOSE);
    }
    changed = changed || are != files.silent;
    files.silent = are;
    if (changed) {
        fs_roots_init(&files.roots, files.env->conf, &files.guard.base);
        fs_sources_follow(&files.sources, NULL);
    }
}

/* True when all mounts have answered, or had the time to. Nobody waits here: events go on. */
static bool
mounts_asked(int64_t now)
{
    if (files.asked_ms == 0) {
        files.asked_ms = now;
        fs_remote_begin();
    }
    if (!fs_remote_poll() && now - files.asked_ms < FS_REMOTE_WAIT_MS) {
        return false;
    }
    files.asked_ms = 0;
    bool came = fs_remote_at(files.silent) != NULL;
    fs_remote_end();
    tell_mounts(came);
    return true;
}

static void
sweep_begin(int64_t now)
{
    struct finding f;

    tell_sources();
    fs_heard_turn(&files.heard);
    files.sweep_began = now;
    files.again = false;
    files.lost = false;
    files.sources.inotify.refused = 0;
    if (!baseline_loaded(&files.guard.base)) {
        files.settled = true;
        files.sweep_due = now + (int64_t)files.env->conf->sweep_s * 1000;
        return;
    }
    fs_self_tell(&files.self, &files.guard.base, &files.roots, files.env);
    files.sweeping = true;
    finding_pass(&f, FINDING_FILES, FINDING_PASS_BEGIN);
    report(&f);
    fs_pass_begin(&files.sweep, files.roots.root, files.roots.count);
}

static void
sweep_end(int64_t now)
{
    struct finding f;

    if (files.sweep.damage.text[0] != '\0') {
        /* No end is told: a pass that could not compare everything closes nothing. */
        fs_guard_damaged(&files.guard, &files.sweep.damage);
    } else if (!fs_explain_waits() && !files.sweep.unlooked) {
        finding_pass(&f, FINDING_FILES, FINDING_PASS_END);
        report(&f);
    }
    tell_unread();
    tell_unlisted();
    files.sweeping = false;
    files.settled = true;
    files.sweep_took = now - files.sweep_began;
    files.sweep_ended = now;
    files.sweep_looked = files.sweep.looked;
    files.sweep_due = clock_next_ms(files.sweep_began, (int64_t)files.env->conf->sweep_s * 1000);
    if (files.again) {
        sweep_soon();
    }
    if (files.lost_open && !files.lost) {
        tell_lost(FINDING_CLOSE, "overflow");
        files.lost_open = false;
    }
    if (files.sources.inotify.refused > 0) {
        tell_sources();
    }
    fs_walk_rest(&files.sweep_walk);
    fs_walk_rest(&files.tree_walk);
    fs_look_rest();
    fs_pass_rest(&files.sweep);
    fs_pass_rest(&files.tree);
    baseline_iter_rest(&files.place);
    fs_seen_rest(&files.seen);
}

static int64_t
sweep_slice(int64_t now)
{
    int64_t end = now + SLICE_MS;

    for (unsigned steps = 1;; steps++) {
        enum fs_pass_step step = fs_pass_step(&files.sweep);

        if (step == FS_PASS_OVER) {
            sweep_end(clock_boot_ms());
            return files.sweep_due;
        }
        if (step == FS_PASS_WAITS) {
            return INT64_MAX;
        }
        if (steps % STEPS_BETWEEN_LOOKS == 0 && (clock_boot_ms() >= end || fs_sources_wait(&files.sources))) {
            alive(NULL);
            return now;
        }
    }
}

/* ---- looks at single places ---- */

/* Everything at and below a path, in one go; what is too much for that is left to a sweep. */
static void
look_at_tree(const uint8_t *path, size_t len, uint32_t cookie)
{
    struct fs_span top = { .path = path, .len = len };
    int64_t end = clock_boot_ms() + TREE_MS;

    files.tree_walk.top_cookie = cookie != 0 ? cookie : FS_NO_COOKIE;
    fs_pass_begin(&files.tree, &top, 1);
    for (unsigned steps = 1; fs_pass_step(&files.tree) != FS_PASS_OVER; steps++) {
        if (steps % STEPS_BETWEEN_LOOKS == 0 && clock_boot_ms() >= end) {
            fs_pass_abort(&files.tree);
            alive(NULL);
            sweep_soon();
            break;
        }
    }
    if (files.tree.damage.text[0] != '\0') {
        fs_guard_damaged(&files.guard, &files.tree.damage);
    }
}

/* Reads what the comparison needs; false when there is nothing any more. */
static bool
look_closer(const struct baseline_entry *was, const struct fs_rule *rule)
{
    struct fs_look *l = &files.look;

    if (fs_needs_content(was, &l->now, rule)) {
        if ((rule->attrs & CONF_ATTR_GROW) != 0) {
            fs_look_log(l, was->size);
        }
        for (unsigned steps = 1; !fs_look_step(l); steps++) {
            if (steps % 64 == 0) {
                alive(NULL);
            }
        }
        return l->exists;
    }
    if (l->now.type == BASELINE_DIR) {
        int fd = fs_open(l->dir_fd, l->name, O_RDONLY | O_DIRECTORY, l->st.st_uid);

        if (fd >= 0) {
            close(fd);
        } else if (errno == EACCES || errno == EPERM) {
            l->now.state = BASELINE_UNREADABLE;
        }
    }
    return l->exists;
}

/* A rule may end where another file system begins: what is mounted at the place is then none of its. */
static bool
reaches_into(const struct fs_match *match, const struct fs_news *news)
{
    int fd = fs_open_dir(news->path, news->len);
    bool reaches = fd < 0 || fs_roots_reach(match, fd, news->path, news->len);

    if (fd >= 0) {
        close(fd);
    }
    return reaches;
}

/* One thing, or a whole tree when a directory is on one side only. */
static void
look_at(const struct fs_news *news, const struct fs_match *match)
{
    if (fs_remote_silent_now(news->path, news->len)) {
        return;
    }

    const uint8_t *path = news->path;
    size_t len = news->len;
    struct baseline_entry was;
    struct fs_look *l = &files.look;
    struct finding f;
    enum baseline_step found = baseline_find(&files.place, &files.guard.base, path, len, &was);
    bool known = found == BASELINE_ENTRY;
    bool exists = fs_look(l, news->dir_fd, news->name);
    if (!exists && news->dir_fd >= 0 && fs_is_unknown(l->error)) {
        sweep_soon();
        return;
    }
    bool was_dir = known && was.type == BASELINE_DIR, is_dir = exists && l->now.type == BASELINE_DIR;

    if ((was_dir || is_dir) && (news->tree || was_dir != is_dir) && (!is_dir || reaches_into(match, news))) {
        look_at_tree(path, len, news->cookie);
        return;
    }
    if (found == BASELINE_GAP) {
        fs_guard_damaged(&files.guard, &files.place.gap.error);
        return;
    }
    if (known && exists && l->now.size > READ_AT_ONCE && fs_needs_content(&was, &l->now, match->rule)) {
        sweep_soon();
        return;
    }
    l->now.path = path;
    l->now.path_len = (uint16_t)len;
    if (known && exists) {
        exists = look_closer(&was, match->rule);
        if (!exists && fs_is_unknown(l->error)) {
            sweep_soon();
            return;
        }
    }
    if (known && exists) {
        unsigned differs = fs_compare(&was, &l->now, true, match->rule->attrs);

        event_told(NULL, differs != 0 ? FS_CHANGED : FS_SAME, &was, &l->now, differs);
    } else if (known) {
        event_told(NULL, FS_GONE, &was, NULL, 0);
    } else if (exists) {
        event_told(NULL, FS_ADDED, NULL, &l->now, 0);
    } else {
        fs_finding_well(&f, path, len);
        report(&f);
        if (news->tree) {
            sweep_soon(); /* what was told below cannot be named any more; the end of a sweep closes it */
        }
    }
}

/* What waited for the package manager, as it is now. */
static void
look_again(const uint8_t *path, size_t len)
{
    struct fs_match match = fs_roots_find(&files.roots, path, len);
    char name[NAME_MAX + 1];
    size_t dir = len;

    while (dir > 0 && path[dir - 1] != '/') {
        dir--;
    }
    if (match.rule == NULL || dir == 0 || len - dir >= sizeof(name) || !baseline_loaded(&files.guard.base)) {
        return;
    }
    memcpy(name, path + dir, len - dir);
    name[len - dir] = '\0';
    struct fs_news news = { .dir_fd = fs_open_dir(path, dir > 1 ? dir - 1 : 1),
        .name = name,
        .path = path,
        .len = len,
        .pidfd = -1 };
    if (news.dir_fd < 0 && fs_is_unknown(errno)) {
        sweep_soon();
        return;
    }
    look_at(&news, &match);
    if (news.dir_fd >= 0) {
        close(news.dir_fd);
    }
}

/* ---- events ---- */

static void
use_baseline(void)
{
    if (files.sweeping) {
        fs_pass_abort(&files.sweep);
        files.sweeping = false;
    }
    fs_rolling_restart(&files.rolling, clock_boot_ms());
    fs_seen_reset(&files.seen, files.guard.base.count);
    /* What does not fit was refused at open already; a baseline only adds what the agent owns. */
    fs_roots_init(&files.roots, files.env->conf, &files.guard.base);
    fs_sources_follow(&files.sources, NULL);
    fs_explain_forget();
    fs_rotated_forget();
    files.sweep_due = 0;
}

static void
heard_entry(void *unused, const struct fs_news *news)
{
    (void)unused;
    if (fs_roots_is_baseline(&files.roots, news->path, news->len)) {
        if (fs_guard_look(&files.guard, false)) {
            use_baseline();
        }
        return;
    }
    if (!baseline_loaded(&files.guard.base)) {
        return;
    }
    struct fs_match match = fs_roots_find(&files.roots, news->path, news->len);
    if (match.rule != NULL && fs_roots_reach(&match, news->dir_fd, news->path, news->len)) {
        /* Who did it may be gone when the file has been read. */
        fs_doers_look(&files.doers, news->pid, news->pidfd);
        fs_heard_note(&files.heard, news->path, news->len);
        files.news = news;
        look_at(news, &match);
        files.news = NULL;
    } else if (news->tree && match.below) {
        sweep_soon();
    }
    if (news->mount) {
        sweep_soon(); /* what is hidden now cannot be named any more; the end of a sweep closes it */
    }
}

static void
heard_lost(void *unused, const char *why)
{
    (void)unused;
    files.lost = true;
    if (!files.lost_open) {
        files.lost_open = true;
        tell_lost(FINDING_OPEN, why);
    }
    sweep_soon();
}

static bool
cares(void *unused, const uint8_t *dir, size_t len)
{
    (void)unused;
    return fs_roots_care(&files.roots, dir, len);
}

static const struct fs_hear hear = { .entry = heard_entry, .cares = cares, .lost = heard_lost };

static uint32_t
entered(void *unused, uint32_t cookie, int dir_fd, const uint8_t *path, size_t len)
{
    (void)unused;
    return fs_sources_enter(&files.sources, cookie, dir_fd, path, len);
}

/* ---- open ---- */

static void
prepare_pass(struct fs_pass *p, struct fs_walk *walk, fs_told_fn *told)
{
    p->base = &files.guard.base;
    p->roots = &files.roots;
    p->walk = walk;
    p->workers = NULL;
    p->seen = NULL;
    p->read_all = p->trust_seen = false;
    p->told = told;
    p->told_to = (void *)(uintptr_t)files.env;
    walk->enter = entered;
    walk->alive = alive;
}

/* Where there are no threads, the sweep reads in its own steps, and nothing rolls behind it. */
static void
prepare_sweeps(const struct conf *conf)
{
    unsigned threads = fs_workers_cores();

    fs_workers_stop(&files.workers);
    if (fs_workers_start(&files.workers, threads < SWEEP_THREADS ? threads : SWEEP_THREADS, true) == 0) {
        files.sweep.workers = &files.workers;
    }
    fs_seen_reset(&files.seen, files.guard.base.count);
    files.sweep.seen = &files.seen;
    files.sweep.trust_seen = true;
    files.rolls = fs_rolling_open(&files.rolling, conf->full_sweep_s, conf->sweep_share) == 0;
    prepare_pass(&files.rolling.pass, &files.rolling.walk, sweep_told);
    files.rolling.walk.enter = NULL;
    files.rolling.pass.workers = &files.rolling.workers;
    files.rolling.pass.seen = &files.seen;
}

/* May be called again; starts afresh. */
static int
files_open(const struct detector_env *env)
{
    int code = 0;

    if (!files.begun) {
        files.sources.fanotify.fd = files.sources.inotify.fd = files.sources.mountinfo = -1;
        files.doers.proc = -1;
        files.workers.ready_fd = files.rolling.workers.ready_fd = -1;
        files.begun = true;
    }
    fs_heard_begin(&files.heard);
    files.env = env;
    files.base_told = false;
    files.sweeping = files.settled = files.again = files.lost = files.lost_open = files.sources_open = false;
    files.sweep_reading = files.rolling_reading = (struct reading){ .told = false };
    files.unlisted_open = true; /* the process before this one may have told it */
    files.readings_due = 0;
    files.sweep_due = files.guard_due = files.sweep_began = files.sweep_took = files.sweep_ended = 0;
    if (!files.mapped) {
        code = fs_walk_map(&files.sweep_walk, FS_WALK_ARENA);
        code = code < 0 ? code : fs_walk_map(&files.tree_walk, FS_WALK_ARENA);
        files.mapped = code == 0;
    }
    baseline_unload(&files.guard.base);
    baseline_unload(&files.guard.next);
    if (code == 0 && !fs_guard_init(&files.guard, env)) {
        code = -ENAMETOOLONG;
    }
    if (code < 0) {
        return code;
    }
    files.once = false;
    files.asked_ms = 0;
    fs_remote_look();
    fs_explain_open(env, "", look_again);
    fs_self_init(&files.self);
    fs_guard_look(&files.guard, false);
    if (!fs_roots_init(&files.roots, env->conf, &files.guard.base)) {
        return -E2BIG;
    }
    prepare_pass(&files.sweep, &files.sweep_walk, sweep_told);
    prepare_pass(&files.tree, &files.tree_walk, event_told);
    files.tree.alone = 1; /* it comes between two steps of a sweep */
    prepare_sweeps(env->conf);
    fs_doers_open(&files.doers);
    fs_sources_open(&files.sources, &files.roots);
    return 0;
}

static int
files_fds(struct pollfd *fds, int max)
{
    const int threads[] = { files.workers.ready_fd, files.rolling.workers.ready_fd,
        files.asked_ms != 0 ? fs_remote_fd() : -1 };
    int n = fs_sources_fds(&files.sources, fds, max);

    for (size_t i = 0; i < sizeof(threads) / sizeof(threads[0]) && n < max; i++) {
        if (threads[i] >= 0) {
            fds[n++] = (struct pollfd){ .fd = threads[i], .events = POLLIN };
        }
    }
    return n;
}

static void
files_ready(const struct pollfd *fds, int count)
{
    fs_sources_ready(&files.sources, fds, count, &hear);
    fs_workers_heard(&files.workers);
    fs_workers_heard(&files.rolling.workers);
    fs_doers_forget(&files.doers);
}

static int64_t
earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The pass through all content, when no sweep runs. Returns when it wants to go on. */
static int64_t
roll(int64_t now)
{
    int64_t due = INT64_MAX;

    if (!files.rolls || !files.settled || !baseline_loaded(&files.guard.base)) {
        return due;
    }
    if (fs_rolling_work(&files.rolling, files.roots.root, files.roots.count, now, &due) &&
            files.rolling.pass.damage.text[0] != '\0') {
        fs_guard_damaged(&files.guard, &files.rolling.pass.damage);
    }
    return due;
}

/* The baseline that is in force now, when it is not the one that was told last. */
static void
tell_base(void)
{
    const struct baseline *base = &files.guard.base;
    bool none = !baseline_loaded(base);

    if (files.env->base == NULL ||
            (files.base_told && none == files.base_none &&
                    (none || memcmp(files.base_root, base->root, sizeof(base->root)) == 0))) {
        return;
    }
    files.base_told = true;
    files.base_none = none;
    memcpy(files.base_root, base->root, sizeof(base->root));
    files.env->base(files.env->report_to, none ? NULL : base->root);
}

static int64_t
guard_and_sweep(int64_t now)
{
    bool again = !files.sweeping && now >= files.sweep_due && files.asked_ms == 0;

    /* Also where events tell of the file: a store through a mapping has none. */
    if (again || now >= files.guard_due) {
        files.guard_due =
                clock_next_ms(now, files.sources_open || files.guard.open ? GUARD_MS : GUARD_HEARD_MS);
        if (fs_guard_look(&files.guard, again)) {
            use_baseline();
        }
        tell_base();
    }
    if (fs_guard_audit(&files.guard)) {
        use_baseline();
    }
    look_at_readings(now);
    int64_t due = files.guard.auditing ? now : files.guard_due;
    if (files.sweeping || files.rolling.running) {
        due = earlier(due, files.readings_due);
    }
    if (!files.sweeping && now >= files.sweep_due) {
        if (!mounts_asked(now)) {
            return earlier(due, files.asked_ms + FS_REMOTE_WAIT_MS);
        }
        sweep_begin(now);
    }
    if (files.sweeping) {
        due = earlier(due, sweep_slice(now));
    } else {
        due = earlier(due, earlier(files.sweep_due, roll(now)));
    }
    return due;
}

static bool
files_settled(void)
{
    return files.settled;
}

static bool
files_in_kernel(void)
{
    return files.sweeping || files.rolling.running || fs_remote_waits();
}

static int64_t
files_work(int64_t now)
{
    int64_t explain = fs_explain_work(now);

    return earlier(explain, guard_and_sweep(now));
}

/* ---- one pass ---- */

static int
files_check(const struct detector_env *env)
{
    struct finding f;
    struct baseline_error error;
    char path[sizeof(files.guard.path)], shown[3 * sizeof(path) + 1];

    files.env = env;
    files.once = true;
    files.guard.env = env;
    if (!conf_state_path(env->conf, BASELINE_FILE, path, sizeof(path))) {
        return -ENAMETOOLONG;
    }
    int code = baseline_load(&files.guard.base, path, &error);
    wire_escape(shown, sizeof(shown), path, strlen(path), WIRE_ESCAPE_TEXT);
    if (code < 0) {
        fprintf(stderr, "%s: %s: %s\n", name_program(), shown, error.text);
        return code;
    }
    code = fs_walk_map(&files.sweep_walk, FS_WALK_ARENA);
    fs_workers_stop(&files.workers);
    code = code < 0 ? code : fs_workers_start(&files.workers, env->jobs > 0 ? env->jobs - 1 : 0, false);
    fs_remote_look();
    if (code < 0 || !fs_roots_init(&files.roots, env->conf, &files.guard.base)) {
        fprintf(stderr, "%s: too little memory to check files\n", name_program());
        return code < 0 ? code : -E2BIG;
    }
    prepare_pass(&files.sweep, &files.sweep_walk, sweep_told);
    files.sweep.workers = &files.workers;
    finding_pass(&f, FINDING_FILES, FINDING_PASS_BEGIN);
    report(&f);
    fs_pass_begin(&files.sweep, files.roots.root, files.roots.count);
    while (fs_pass_step(&files.sweep) != FS_PASS_OVER) {
        if (env->progress != NULL) {
            env->progress(files.sweep.looked, files.guard.base.count, files.sweep.bytes);
        }
    }
    if (files.sweep.damage.text[0] != '\0') {
        fprintf(stderr, "%s: %s: %s; %llu path%s cannot be compared\n", name_program(), shown,
                files.sweep.damage.text, (unsigned long long)files.sweep.unknown,
                plural_s(files.sweep.unknown));
        code = -EBADMSG;
    }
    for (unsigned i = 0; files.sweep.unlooked && fs_remote_at(i) != NULL; i++) {
        wire_escape(shown, sizeof(shown), fs_remote_at(i), strlen(fs_remote_at(i)), WIRE_ESCAPE_TEXT);
        fprintf(stderr, "%s: %s: this mount does not answer; what is on it is not looked at\n",
                name_program(), shown);
        code = -ETIMEDOUT;
    }
    if (files.sweep.unlisted_len > 0) {
        wire_escape(shown, sizeof(shown), files.sweep.unlisted, files.sweep.unlisted_len, WIRE_ESCAPE_TEXT);
        fprintf(stderr, "%s: %s: cannot be listed; what is at and below it is not compared\n", name_program(),
                shown);
        code = -EIO;
    }
    if (files.sweep.unread > 0) {
        fprintf(stderr,
                "%s: the content of %llu file%s is not compared: above max=, or not in the baseline\n",
                name_program(), (unsigned long long)files.sweep.unread, plural_s(files.sweep.unread));
    }
    fs_workers_stop(&files.workers);
    finding_pass(&f, FINDING_FILES, FINDING_PASS_END);
    report(&f);
    baseline_unload(&files.guard.base);
    return code;
}

static void
files_status(struct detector_status *out)
{
    const struct fs_sources *s = &files.sources;
    const char *instead = s->inotify.fd >= 0 ? "inotify" : "sweeps alone";

    if (files.guard.base.count == 0) {
        status_lower(out, STATUS_BLIND);
        status_note(out, "no baseline in force");
    }
    status_source_or(out, "fanotify", s->refused, instead);
    if (s->mountinfo < 0) {
        status_lower(out, STATUS_REDUCED);
        status_note(out, "mounts that change are not noticed");
    }
    if (s->cut) {
        status_lower(out, STATUS_REDUCED);
        status_note(out, "more mounts than are noticed");
    }
    if (files.lost) {
        status_note(out, "events were lost, the sweep makes up for it");
    }
    status_note(out, "%u watched, %llu in the baseline", files.roots.count,
            (unsigned long long)files.guard.base.count);
    if (files.rolling.running) {
        status_note(out, "reading all content: %llu of %llu", (unsigned long long)files.rolling.pass.looked,
                (unsigned long long)files.guard.base.count);
    } else if (files.rolling.ended_ms > 0) {
        status_note(out, "all content read %lld s ago",
                (long long)(clock_boot_ms() - files.rolling.ended_ms) / 1000);
    }
    out->pass_ms = files.sweep_ended;
    out->took_ms = (uint32_t)files.sweep_took;
    out->looked = files.sweep_looked;
    if (files.sweeping) {
        out->done = files.sweep.looked;
        out->total = files.guard.base.count;
    }
}

const struct detector_ops detector_files_ops = {
    .name = "files",
    .source = FINDING_FILES,
    .open = files_open,
    .fds = files_fds,
    .ready = files_ready,
    .work = files_work,
    .check = files_check,
    .status = files_status,
    .settled = files_settled,
    .in_kernel = files_in_kernel,
};
