#include "watch/views.h"
#include "alarm/clock.h"
#include "conf/name.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PASS_EVERY_MS 60000
#define CALM_MS 100 /* events that come in a crowd have one look this much later */

static void
report(struct views *v, const struct finding *f)
{
    v->env.report(v->env.report_to, f);
}

void
view_event(struct views *v, struct finding *f)
{
    f->op = FINDING_EVENT;
    report(v, f);
}

void
view_self(struct views *v, bool *told, bool now, const char *source, const char *state)
{
    struct finding f;

    if (*told == now) {
        return;
    }
    *told = now;
    finding_begin(&f, FINDING_AGENT_SELF, "source", source, strlen(source));
    f.severity = WIRE_WARN;
    f.op = now ? FINDING_OPEN : FINDING_CLOSE;
    finding_addf(&f, "state", "%s", now ? state : "back");
    report(v, &f);
}

int64_t
view_every_ms(const struct views *v, enum conf_view view)
{
    return (int64_t)v->env.conf->view_s[view] * 1000;
}

void
view_hurry(struct views *v, enum conf_view view)
{
    for (unsigned i = 0; i < v->table->count; i++) {
        v->state[i].due_ms = v->table->ops[i]->view == view ? 0 : v->state[i].due_ms;
    }
}

void
view_begin(struct views *v, enum conf_view view)
{
    for (unsigned i = 0; i < VIEWS_OPEN; i++) {
        v->mark[i].seen = v->mark[i].seen && v->mark[i].view != view;
    }
}

/* The place of the one with this id, or a free one. VIEWS_OPEN when the view has as many as it may. */
static unsigned
place_of(const struct views *v, enum conf_view view, const struct finding *f)
{
    unsigned unused = VIEWS_OPEN;
    unsigned count = 0;

    for (unsigned i = 0; i < VIEWS_OPEN; i++) {
        const struct view_mark *m = &v->mark[i];

        if (m->used && memcmp(v->open[i].id, f->id, sizeof(f->id)) == 0) {
            return i;
        }
        count += m->used && m->view == view;
        unused = unused == VIEWS_OPEN && !m->used ? i : unused;
    }
    return count < VIEW_OPEN ? unused : VIEWS_OPEN;
}

void
view_found(struct views *v, enum conf_view view, const struct finding *found)
{
    struct finding f = *found;

    /* What two views tell of one process are two findings. */
    f.id[FINDING_ID_SIZE - 1] ^= (uint8_t)(view + 1);
    unsigned place = place_of(v, view, &f);

    if (place == VIEWS_OPEN) {
        view_self(v, &v->full, true, "views", "too_many");
        return;
    }
    struct view_mark *m = &v->mark[place];
    struct finding *kept = &v->open[place];
    bool news = !m->used || kept->code != f.code || strcmp(kept->text, f.text) != 0;

    *m = (struct view_mark){ .used = true, .seen = true, .view = (uint8_t)view };
    *kept = f;
    if (news && !v->quiet) {
        report(v, &f);
    }
}

void
view_end(struct views *v, enum conf_view view)
{
    for (unsigned i = 0; i < VIEWS_OPEN; i++) {
        struct view_mark *m = &v->mark[i];

        if (!m->used || m->view != view || m->seen) {
            continue;
        }
        m->used = false;
        v->open[i].op = FINDING_CLOSE;
        report(v, &v->open[i]);
        view_self(v, &v->full, false, "views", "too_many");
    }
}

static void
tell_pass(struct views *v)
{
    struct finding f;

    finding_pass(&f, v->table->source, FINDING_PASS_BEGIN);
    report(v, &f);
    for (unsigned i = 0; i < VIEWS_OPEN; i++) {
        if (v->mark[i].used) {
            report(v, &v->open[i]);
        }
    }
    finding_pass(&f, v->table->source, FINDING_PASS_END);
    report(v, &f);
}

static void
tell_blind(struct views *v, enum conf_view view, int error)
{
    const char *name = conf_view_name(view);
    struct finding f;

    finding_begin(&f, FINDING_AGENT_SELF, "check", name, strlen(name));
    finding_addf(&f, "state", "blind");
    finding_add(&f, "why", strerror(-error), strlen(strerror(-error)));
    report(v, &f);
}

static void
reset(struct views *v, const struct view_table *table, const struct detector_env *env, bool quiet)
{
    v->table = table;
    v->env = *env;
    v->quiet = quiet;
    v->full = false;
    v->next_pass_ms = 0;
    v->passed_ms = 0;
    memset(v->state, 0, sizeof(v->state));
    memset(v->mark, 0, sizeof(v->mark));
}

void
views_open(struct views *v, const struct view_table *table, const struct detector_env *env)
{
    reset(v, table, env, false);
    for (unsigned i = 0; i < v->table->count; i++) {
        const struct view_ops *ops = v->table->ops[i];

        if (env->conf->view_s[ops->view] == 0) {
            continue;
        }
        int error = ops->open != NULL ? ops->open(v) : 0;

        v->state[i].open = error == 0;
        if (error != 0) {
            tell_blind(v, ops->view, error);
        }
    }
}

int
views_fds(const struct views *v, struct pollfd *fds, int max)
{
    int used = 0;

    for (unsigned i = 0; i < v->table->count && used < max; i++) {
        short events = 0;
        int fd = v->state[i].open && v->table->ops[i]->fd != NULL ? v->table->ops[i]->fd(&events) : -1;

        if (fd >= 0) {
            fds[used++] = (struct pollfd){ .fd = fd, .events = events };
        }
    }
    return used;
}

static bool
is_ready(const struct view_ops *ops, const struct pollfd *fds, int count)
{
    short events;
    int fd = ops->fd != NULL ? ops->fd(&events) : -1;

    for (int n = 0; n < count; n++) {
        if (fds[n].fd == fd && fds[n].revents != 0) {
            return true;
        }
    }
    return false;
}

void
views_ready(struct views *v, const struct pollfd *fds, int count)
{
    for (unsigned i = 0; i < v->table->count; i++) {
        struct view_state *s = &v->state[i];

        if (s->open && is_ready(v->table->ops[i], fds, count) && v->table->ops[i]->ready(v)) {
            s->due_ms = s->last_ms + CALM_MS < s->due_ms ? s->last_ms + CALM_MS : s->due_ms;
        }
    }
}

static void
work_one(struct views *v, unsigned i, int64_t now_ms)
{
    const struct view_ops *ops = v->table->ops[i];
    struct view_state *s = &v->state[i];

    s->last_ms = now_ms;
    s->due_ms = ops->look(v, now_ms);
    if (s->due_ms == VIEW_DONE) {
        s->looked = true;
        s->due_ms =
                clock_next_ms(now_ms, ops->pause_ms != NULL ? ops->pause_ms(v) : view_every_ms(v, ops->view));
    }
}

int64_t
views_work(struct views *v, int64_t now_ms)
{
    int64_t due_ms = INT64_MAX;
    bool all_looked = true;

    for (unsigned i = 0; i < v->table->count; i++) {
        struct view_state *s = &v->state[i];

        if (s->open && s->due_ms <= now_ms) {
            work_one(v, i, now_ms);
        }
        if (s->open) {
            due_ms = s->due_ms < due_ms ? s->due_ms : due_ms;
            all_looked = all_looked && (s->looked || v->table->ops[i]->slow);
        }
    }
    if (all_looked && now_ms >= v->next_pass_ms) {
        tell_pass(v);
        v->passed_ms = now_ms;
        v->next_pass_ms = clock_next_ms(now_ms, PASS_EVERY_MS);
    }
    return all_looked && v->next_pass_ms < due_ms ? v->next_pass_ms : due_ms;
}

void
views_status(const struct views *v, struct detector_status *out)
{
    for (unsigned i = 0; i < v->table->count; i++) {
        enum conf_view view = v->table->ops[i]->view;

        if (v->state[i].open) {
            status_source(out, "%s", conf_view_name(view));
        } else if (v->env.conf->view_s[view] == 0) {
            status_note(out, "%s is off", conf_view_name(view));
        } else {
            status_lower(out, STATUS_REDUCED);
            status_note(out, "%s is blind", conf_view_name(view));
        }
    }
    out->pass_ms = v->passed_ms;
}

static void
wait_until(int64_t due_ms, int64_t now_ms)
{
    struct timespec wait = { .tv_nsec = 1000000L };

    for (int64_t ms = now_ms; ms < due_ms; ms++) {
        nanosleep(&wait, NULL);
    }
}

/* One look to its end. 0 or -errno. */
static int
check_one(struct views *v, const struct view_ops *ops)
{
    int error = ops->open != NULL ? ops->open(v) : 0;
    int64_t due_ms = 0;

    while (error == 0 && due_ms != VIEW_DONE) {
        wait_until(due_ms, clock_boot_ms());
        v->env.alive(v->env.alive_to);
        due_ms = ops->look(v, clock_boot_ms());
    }
    return error;
}

int
views_check(struct views *v, const struct view_table *table, const struct detector_env *env)
{
    int failed = 0;

    reset(v, table, env, true);
    for (unsigned i = 0; i < v->table->count; i++) {
        const struct view_ops *ops = v->table->ops[i];
        int error = env->conf->view_s[ops->view] == 0 || ops->slow ? 0 : check_one(v, ops);

        if (error != 0) {
            fprintf(stderr, "%s: %s: cannot look: %s\n", name_program(), conf_view_name(ops->view),
                    strerror(-error));
            failed = error;
        }
    }
    tell_pass(v);
    return failed;
}

ssize_t
views_read(int dir, const char *path, const char **out)
{
    static char text[VIEWS_TEXT + 1];
    int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    size_t got = 0;
    ssize_t n = 1;

    if (fd < 0) {
        return -errno;
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return -EINVAL;
    }
    while (n > 0 && got < sizeof(text)) {
        n = read(fd, text + got, sizeof(text) - got);
        got += n > 0 ? (size_t)n : 0;
    }
    int error = n < 0 ? errno : got > VIEWS_TEXT ? EFBIG : 0;

    close(fd);
    *out = text;
    return error != 0 ? -error : (ssize_t)got;
}
