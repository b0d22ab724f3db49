#include "belfry/tell.h"

#include "belfry/notify/facility.h"
#include "belfry/run.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PART_MS (NOTIFY_PART_MS + 1000) /* a notifier ends by itself before that */
#define PART_STUCK_MS 1000              /* of one that waits for its target */
#define BEGIN_WAIT_MS 1000

/* What a configuration asks for: OnAlarm and Syslog first, then Notify in their order. */
struct wanted {
    unsigned count;
    struct conf_notify notify[TELL_NOTIFIERS];
};

static void
old_keyword(struct wanted *w, const char *name, const char *kind, const char *place, const char *facility)
{
    struct conf_notify *n = &w->notify[w->count++];

    (void)snprintf(n->name, sizeof n->name, "%s", name);
    (void)snprintf(n->kind, sizeof n->kind, "%s", kind);
    (void)snprintf(n->place, sizeof n->place, "%s", place);
    n->at_least = WIRE_SEVERITIES;
    if (facility != NULL) {
        (void)snprintf(n->text, sizeof n->text, "facility=%s", facility);
        n->options = 1;
    }
}

static const struct wanted *
wanted_of(const struct conf *conf)
{
    static struct wanted w;

    memset(&w, 0, sizeof w);
    if (conf->on_alarm[0] != '\0') {
        old_keyword(&w, "hook", "exec", conf->on_alarm, NULL);
    }
    if (conf->syslog) {
        old_keyword(&w, "syslog", "syslog", "local", facility_name(conf->facility));
    }
    for (unsigned i = 0; i < conf->notifiers; i++) {
        w.notify[w.count++] = conf->notify[i];
    }
    return &w;
}

static const struct conf_notify *
find_wanted(const struct wanted *w, const char *name)
{
    for (unsigned i = 0; i < w->count; i++) {
        if (strcmp(w->notify[i].name, name) == 0) {
            return &w->notify[i];
        }
    }
    return NULL;
}

static struct tell_one *
find_one(const struct tell *tell, const char *name)
{
    for (unsigned i = 0; i < tell->count; i++) {
        if (strcmp(tell->one[i]->conf.name, name) == 0) {
            return tell->one[i];
        }
    }
    return NULL;
}

static struct tell_one *
make(const struct conf_notify *conf)
{
    struct tell_one *t = calloc(1, sizeof *t);

    if (t != NULL) {
        t->conf = *conf;
        t->kind = notify_kind_find(conf->kind);
        t->process = (struct beside){ .fd = -1, .pid = -1 };
        t->wait_ms = BEGIN_WAIT_MS;
    }
    return t;
}

int
tell_take(struct tell *tell, const struct conf *conf)
{
    const struct wanted *w = wanted_of(conf);

    for (tell->count = 0; tell->count < w->count; tell->count++) {
        tell->one[tell->count] = make(&w->notify[tell->count]);
        if (tell->one[tell->count] == NULL) {
            return -ENOMEM;
        }
    }
    return 0;
}

/* ---- files */

#define FNV_BEGIN UINT64_C(14695981039346656037)
#define FNV_PRIME UINT64_C(1099511628211)

static uint64_t
mix(uint64_t sum, uint64_t value)
{
    for (unsigned i = 0; i < sizeof value; i++) {
        sum = (sum ^ (value >> 8 * i & 0xFF)) * FNV_PRIME;
    }
    return sum;
}

static uint64_t
mix_file(uint64_t sum, const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0) {
        return mix(sum, (uint64_t)errno);
    }
    sum = mix(mix(sum, (uint64_t)st.st_dev), (uint64_t)st.st_ino);
    sum = mix(mix(sum, (uint64_t)st.st_size), (uint64_t)st.st_ctim.tv_sec);
    return mix(sum, (uint64_t)st.st_ctim.tv_nsec);
}

uint64_t
tell_files(const struct conf_notify *conf)
{
    uint64_t sum = FNV_BEGIN;
    const char *at = conf->text;

    for (unsigned i = 0; i < conf->options; i++) {
        const char *value = strchr(at, '=');

        if (value != NULL && value[1] == '/') {
            sum = mix_file(sum, value + 1);
        }
        at += strlen(at) + 1;
    }
    return sum;
}

/* ---- reload */

void
tell_leave(struct run *run, const struct conf *next)
{
    const struct wanted *w = wanted_of(next);

    for (unsigned i = 0; i < run->tell.count; i++) {
        struct tell_one *t = run->tell.one[i];

        if (t->trouble_told && find_wanted(w, t->conf.name) == NULL) {
            tell_say_trouble(run, t, false);
        }
    }
}

static void
is_over(void *to, const struct alarm *a)
{
    static const char name[] = "name=";
    static struct tell_one gone;
    struct run *run = to;

    if (a->host[0] == '\0' && strcmp(a->code, TELL_TROUBLE) == 0 &&
            strncmp(a->subject, name, sizeof name - 1) == 0 &&
            find_one(&run->tell, a->subject + sizeof name - 1) == NULL) {
        (void)snprintf(gone.conf.name, sizeof gone.conf.name, "%s", a->subject + sizeof name - 1);
        tell_say_trouble(run, &gone, false);
    }
}

void
tell_left(struct run *run)
{
    if (ledger_alarms_open(run->ledger, 0, UINT_MAX, is_over, run) != 0) {
        out_warn("%s; whether removed notifiers are in trouble is not known", ledger_error(run->ledger));
    }
}

static bool
is_wanted(const void *to, const char *name)
{
    return find_wanted(to, name) != NULL;
}

/* The places of those that come, and of those that go, on the disk. 0 or LEDGER_E_*. */
static int
write_places(struct run *run, const struct wanted *w, struct tell_one *const added[], unsigned count)
{
    int r = ledger_begin(run->ledger);

    if (r == 0) {
        r = ledger_places_forget(run->ledger, is_wanted, w);
    }
    for (unsigned i = 0; r == 0 && i < count; i++) {
        r = ledger_place(run->ledger, added[i]->conf.name, &added[i]->place);
        if (r == 0) {
            r = ledger_place_save(run->ledger, added[i]->conf.name, &added[i]->place);
        }
    }
    if (r == 0) {
        r = ledger_commit(run->ledger);
    }
    if (r != 0) {
        ledger_rollback(run->ledger);
    }
    return r;
}

/* Nothing more is sent to it: it answers what it has and ends. */
static void
start_anew(const struct run *run, struct tell_one *t)
{
    if (!t->trouble_told) {
        t->trouble_ms = 0;
        t->why[0] = '\0';
    }
    if (t->process.fd < 0) {
        t->start_ms = run->now_ms;
        t->wait_ms = BEGIN_WAIT_MS;
    } else if (t->part_ms == 0) {
        (void)shutdown(t->process.fd, SHUT_WR);
        t->part_ms = run->now_ms + (t->trouble_ms != 0 ? PART_STUCK_MS : PART_MS);
    }
}

static void
change_one(const struct run *run, struct tell_one *t, const struct conf_notify *next, struct tell_change *c)
{
    bool same = conf_notify_same(&t->conf, next);

    if (same && tell_files(next) == t->files) {
        return;
    }
    c->changed += !same;
    c->renewed += same;
    start_anew(run, t);
    t->conf = *next;
    t->kind = notify_kind_find(next->kind);
}

static void
end_gone(struct tell_gone *g)
{
    if (g->pid > 1) {
        (void)kill(g->pid, SIGKILL);
        (void)waitpid(g->pid, NULL, 0);
    }
    g->pid = 0;
}

/* It finishes what runs, unheard. */
static void
let_go(struct run *run, struct tell_one *t)
{
    struct tell_gone *place = &run->tell.gone[0];

    if (t->process.fd >= 0) {
        for (unsigned i = 1; place->pid != 0 && i < TELL_GONE; i++) {
            struct tell_gone *g = &run->tell.gone[i];

            place = g->pid == 0 || g->kill_ms < place->kill_ms ? g : place;
        }
        end_gone(place);
        *place = (struct tell_gone){ .pid = t->process.pid, .kill_ms = run->now_ms + PART_MS };
        (void)epoll_ctl(run->tell.fd, EPOLL_CTL_DEL, t->process.fd, NULL);
        (void)close(t->process.fd);
    }
    free(t);
}

/* In the order of the configuration, from what there was and what is new. */
static void
arrange(struct run *run, const struct wanted *w, struct tell_one *const added[], struct tell_change *c)
{
    struct tell was = run->tell;

    for (unsigned i = 0; i < was.count; i++) {
        if (find_wanted(w, was.one[i]->conf.name) == NULL) {
            c->untold += (unsigned)tell_waiting(run, was.one[i]);
            c->removed++;
            let_go(run, was.one[i]);
            was.one[i--] = was.one[--was.count];
        }
    }
    run->tell.count = w->count;
    for (unsigned i = 0; i < w->count; i++) {
        struct tell_one *t = find_one(&was, w->notify[i].name);

        if (t != NULL) {
            change_one(run, t, &w->notify[i], c);
        } else {
            t = added[c->added++];
            t->reached = t->place.notices;
            tell_rows_begin(t);
        }
        run->tell.one[i] = t;
    }
    c->notifiers = w->count;
}

bool
tell_reload(struct run *run, const struct conf *next, struct tell_change *change)
{
    const struct wanted *w = wanted_of(next);
    static struct tell_one *added[TELL_NOTIFIERS];
    unsigned count = 0;
    bool well = true;

    memset(change, 0, sizeof *change);
    for (unsigned i = 0; well && i < w->count; i++) {
        if (find_one(&run->tell, w->notify[i].name) == NULL) {
            added[count] = make(&w->notify[i]);
            well = added[count] != NULL;
            count += well;
        }
    }
    if (!well || write_places(run, w, added, count) != 0) {
        while (count > 0) {
            free(added[--count]);
        }
        return false;
    }
    arrange(run, w, added, change);
    run->tell_ms = 0;
    return true;
}

void
tell_sweep(struct run *run)
{
    for (unsigned i = 0; i < TELL_GONE; i++) {
        struct tell_gone *g = &run->tell.gone[i];

        if (g->pid > 1 && waitpid(g->pid, NULL, WNOHANG) != 0) {
            g->pid = 0;
        } else if (g->pid > 1 && run->now_ms >= g->kill_ms) {
            end_gone(g);
        }
    }
}
