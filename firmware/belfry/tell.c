#include "belfry/tell.h"

#include "belfry/run.h"
#include "wire/escape.h"

#include <errno.h>
#include <fnmatch.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRIES_MAX 6
#define LOOK_AT_ONCE 256 /* notices */
#define ROOM_MS 50       /* how soon a link that was full is tried again */
#define BACKOFF_MIN_MS 1000
#define BACKOFF_MAX_MS 60000
#define STEADY_MS 60000     /* a process that lasted so long starts again at once */
#define TROUBLE_MS 60000    /* how long a notifier may wait for its target before somebody else is told */
#define STANDING_MS 3600000 /* who is told of all open alarms is told of those that ended so lately */
#define REPLAY_MS 60000     /* what was told before had time to be read */
#define PRUNE_MS 3600000
#define KEEP_MS (INT64_C(30) * 86400000) /* notices that everybody was told */
#define ARGUMENTS (4 + CONF_NOTIFY_OPTIONS + 1)

/* Waits between the tries to tell one that failed. */
static const int64_t retry_ms[TRIES_MAX] = { 5000, 15000, 60000, 300000, 900000, 3600000 };

/* ---- who is told what */

static bool
in_patterns(const char *patterns, const char *name)
{
    char pattern[CONF_PATTERN];
    size_t len;

    for (const char *at = patterns; *at != '\0'; at += len + (at[len] == ',')) {
        len = strcspn(at, ",");
        memcpy(pattern, at, len);
        pattern[len] = '\0';
        if (fnmatch(pattern, name[0] != '\0' ? name : "-", 0) == 0) {
            return true;
        }
    }
    return patterns[0] == '\0';
}

/* By the worst that the alarm was and where it began, so that who was told of it is told of its end. */
static bool
is_for(const struct tell_one *t, const struct notice *n)
{
    return (unsigned)n->worst <= t->conf.at_least && in_patterns(t->conf.hosts, n->alarm.host) &&
           (in_patterns(t->conf.lines, n->first_line) || in_patterns(t->conf.lines, n->alarm.line));
}

bool
tell_is_for(const struct tell_one *t, const char *host, const char *line)
{
    return in_patterns(t->conf.hosts, host) && in_patterns(t->conf.lines, line);
}

/* ---- the processes */

/* Whom nobody acknowledges to is told the last notices again, if it told any of late. */
static void
go_back(const struct run *run, struct tell_one *t)
{
    unsigned by = t->kind->replay != NULL ? t->kind->replay(t->conf.place) : 0;
    unsigned left = 0;

    if (by == 0 || run->utc_us / 1000 - t->place.last_ms > REPLAY_MS) {
        return;
    }
    for (unsigned i = 0; i < t->notices; i++) {
        const struct tell_notice *n = &t->notice[i];
        struct tell_lane *lane = tell_lane_find(t, n->host);

        if (n->kept || n->state > TELL_SENT) {
            t->notice[left++] = *n;
        } else if (lane != NULL) {
            tell_lane_put_back(lane, n->seq);
        } else if (n->seq <= t->reached) {
            t->reached = n->seq - 1;
        }
    }
    t->notices = left;
    tell_lanes_go_back(run, t, by);
    by *= 1 + t->lanes; /* between those of other hosts there were those of the lanes */
    t->reached = t->reached > by ? t->reached - by : 0;
}

static int
start_one(struct run *run, struct tell_one *t)
{
    struct epoll_event event = { .events = EPOLLIN, .data = { .ptr = t } };
    static char word[4][CONF_PATH];
    static char text[CONF_NOTIFY_TEXT];
    char *argv[ARGUMENTS] = { word[0], word[1], word[2], word[3] };
    char *at = text;
    int r;

    t->files = tell_files(&t->conf);
    (void)snprintf(word[0], sizeof word[0], "%s", t->kind->program);
    (void)snprintf(word[1], sizeof word[1], "%s", t->conf.name);
    (void)snprintf(word[2], sizeof word[2], "%s", t->kind->name);
    (void)snprintf(word[3], sizeof word[3], "%s", t->conf.place);
    memcpy(text, t->conf.text, sizeof text);
    for (unsigned n = 0; n < t->conf.options; n++) {
        argv[4 + n] = at;
        at += strlen(at) + 1;
    }
    r = beside_start(&t->process, t->kind->program, argv, SOCK_SEQPACKET);
    if (r == 0 && epoll_ctl(run->tell.fd, EPOLL_CTL_ADD, t->process.fd, &event) != 0) {
        r = -errno;
        beside_stop(&t->process);
    }
    t->begun_ms = run->now_ms;
    t->standing = t->kind->standing;
    t->stood = 0;
    go_back(run, t);
    tell_rows_begin(t);
    return r;
}

static void
in_trouble(struct run *run, struct tell_one *t, const char *why)
{
    if (t->trouble_ms == 0) {
        t->trouble_ms = run->now_ms;
    }
    if (why != t->why) {
        (void)snprintf(t->why, sizeof t->why, "%s", why);
    }
}

/* What it had is told again by the next one. */
static void
ended(struct run *run, struct tell_one *t)
{
    beside_stop(&t->process);
    for (unsigned i = 0; i < t->notices; i++) {
        if (t->notice[i].state == TELL_SENT) {
            t->notice[i].state = TELL_WAITS;
        }
    }
    if (t->part_ms != 0) {
        t->part_ms = 0;
        t->start_ms = run->now_ms;
        t->wait_ms = BACKOFF_MIN_MS;
        return;
    }
    if (run->now_ms - t->begun_ms >= STEADY_MS) {
        t->wait_ms = BACKOFF_MIN_MS;
    }
    t->start_ms = run->now_ms + t->wait_ms;
    out_warn("the notifier %s is gone; started again in %lld s", t->conf.name, (long long)t->wait_ms / 1000);
    t->wait_ms = t->wait_ms < BACKOFF_MAX_MS / 2 ? 2 * t->wait_ms : BACKOFF_MAX_MS;
    in_trouble(run, t, t->why[0] != '\0' ? t->why : "its process has ended");
}

int
tell_start(struct run *run)
{
    struct tell *tell = &run->tell;
    int r = tell_take(tell, run->conf);

    tell->fd = epoll_create1(EPOLL_CLOEXEC);
    if (tell->fd < 0) {
        return -errno;
    }
    for (unsigned i = 0; r == 0 && i < tell->count; i++) {
        r = start_one(run, tell->one[i]);
    }
    return r;
}

static bool
is_ours(const void *to, const char *notifier)
{
    const struct tell *tell = to;

    for (unsigned i = 0; i < tell->count; i++) {
        if (strcmp(tell->one[i]->conf.name, notifier) == 0) {
            return true;
        }
    }
    return false;
}

void
tell_resume(struct run *run)
{
    struct tell *tell = &run->tell;
    int r = ledger_begin(run->ledger);

    if (r == 0) {
        r = ledger_places_forget(run->ledger, is_ours, tell);
    }
    for (unsigned i = 0; r == 0 && i < tell->count; i++) {
        struct tell_one *t = tell->one[i];
        char subject[CONF_NAME + 8];

        r = ledger_place(run->ledger, t->conf.name, &t->place);
        if (r == 0) {
            r = ledger_place_save(run->ledger, t->conf.name, &t->place);
        }
        t->reached = t->place.notices;
        r = r == 0 ? tell_lanes_load(run, t) : r;
        go_back(run, t);
        tell_rows_begin(t);
        (void)snprintf(subject, sizeof subject, "name=%s", t->conf.name);
        t->trouble_told = ledger_standing(run->ledger, "", TELL_TROUBLE, subject);
        if (t->trouble_told) {
            in_trouble(run, t, "since before belfry was started");
        }
    }
    if (r != 0 || ledger_commit(run->ledger) != 0) {
        out_warn("%s; who was told what is looked up again with the next commit", ledger_error(run->ledger));
        ledger_rollback(run->ledger);
    }
}

/* ---- what they say */

static struct tell_notice *
find_sent(struct tell_one *t, int64_t seq)
{
    for (unsigned i = 0; i < t->notices; i++) {
        if (t->notice[i].state == TELL_SENT && t->notice[i].seq == seq) {
            return &t->notice[i];
        }
    }
    return NULL;
}

static void
failed(struct tell_one *t, struct tell_notice *n, const char *why)
{
    n->state = TELL_FAILED;
    if (n->tries == TRIES_MAX) {
        n->state = TELL_DONE;
        n->given_up = true;
        out_warn("alarm %lld could not be told by %s in %d tries (%s); given up", (long long)n->alarm,
                t->conf.name, TRIES_MAX + 1, why);
    }
}

static void
take_answer(struct run *run, struct tell_one *t, const struct notify_answer *a)
{
    struct tell_notice *n = a->what == NOTIFY_NOTICE ? find_sent(t, a->seq) : NULL;

    if (a->said == NOTIFY_STATE && a->why[0] != '\0') {
        in_trouble(run, t, a->why);
    } else if (a->said == NOTIFY_STATE || a->said == NOTIFY_TOLD) {
        t->trouble_ms = 0;
        t->wait_ms = BACKOFF_MIN_MS;
        t->why[0] = '\0';
    }
    if (a->said != NOTIFY_STATE && (a->what == NOTIFY_LINE || a->what == NOTIFY_EVENT)) {
        tell_rows_answer(run, t, a);
    }
    if (n == NULL) {
        return;
    }
    run->answers++;
    if (a->said == NOTIFY_TOLD) {
        n->state = TELL_DONE;
    } else {
        failed(t, n, a->why);
    }
}

static void
take_answers(struct run *run, struct tell_one *t)
{
    struct notify_answer a;
    ssize_t got;

    while ((got = recv(t->process.fd, &a, sizeof a, MSG_DONTWAIT)) > 0) {
        if (!notify_answer_valid(&a, (size_t)got)) {
            ended(run, t);
            return;
        }
        take_answer(run, t, &a);
    }
    if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        ended(run, t);
    }
}

static void
serve(struct run *run)
{
    struct epoll_event event[TELL_NOTIFIERS];
    int count = epoll_wait(run->tell.fd, event, TELL_NOTIFIERS, 0);

    for (int i = 0; i < count; i++) {
        struct tell_one *t = event[i].data.ptr;

        if (t->process.fd >= 0) {
            take_answers(run, t);
        }
    }
}

/* ---- what they are told */

static int
post(struct tell_one *t, enum notify_what what, const struct tell_notice *how, const struct notice *n)
{
    static struct notify_message m;
    size_t size;

    m.what = what;
    m.tries = how != NULL ? how->tries : 0;
    m.ahead = how != NULL && how->ahead;
    m.of.notice = *n;
    size = notify_size(&m);
    if (t->process.fd < 0 || t->part_ms != 0 ||
            send(t->process.fd, &m, size, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)size) {
        return -EAGAIN;
    }
#ifdef PLANT_HELD
    (void)poll(&(struct pollfd){ .fd = t->process.fd, .events = POLLIN }, 1, -1);
#endif
    return 0;
}

static void
look_again_at(struct run *run, int64_t utc_ms)
{
    if (utc_ms < run->tell_ms) {
        run->tell_ms = utc_ms;
    }
}

/* What is open already, before what is new. True when it was told all. */
static bool
send_standing(struct run *run, struct tell_one *t)
{
    struct notice n;

    while (t->standing) {
        if (ledger_standing_after(run->ledger, t->stood, run->utc_us / 1000 - STANDING_MS, &n) != 0) {
            t->standing = false;
        } else if (is_for(t, &n) && post(t, NOTIFY_STANDING, NULL, &n) != 0) {
            look_again_at(run, run->utc_us / 1000 + ROOM_MS);
            return false;
        } else {
            t->stood = n.alarm.id;
        }
    }
    return true;
}

/* False when its link takes no more now. */
static bool
send_waiting(struct run *run, struct tell_one *t)
{
    struct notice n;

    for (unsigned i = 0; i < t->notices; i++) {
        struct tell_notice *w = &t->notice[i];

        if (w->state != TELL_WAITS) {
            continue;
        }
        if (ledger_notice(run->ledger, w->seq, &n) != 0) {
            w->state = TELL_DONE;
            run->answers++;
        } else if (post(t, NOTIFY_NOTICE, w, &n) == 0) {
            w->state = TELL_SENT;
        } else {
            look_again_at(run, run->utc_us / 1000 + ROOM_MS);
            return false;
        }
    }
    return true;
}

/* An earlier notice of this alarm is with the notifier, or the ledger does not know yet what became of it. */
static bool
under_way(const struct tell_one *t, int64_t alarm)
{
    for (unsigned i = 0; i < t->notices; i++) {
        const struct tell_notice *n = &t->notice[i];

        if (n->alarm == alarm && (n->state != TELL_DONE || n->kept)) {
            return true;
        }
    }
    return false;
}

static bool
host_under_way(const struct tell_one *t, const char *host)
{
    for (unsigned i = 0; i < t->notices; i++) {
        const struct tell_notice *n = &t->notice[i];

        if (!n->kept && n->state != TELL_DONE && strcmp(n->host, host) == 0) {
            return true;
        }
    }
    return false;
}

static void
add(struct run *run, struct tell_one *t, const struct notice *n, bool ahead)
{
    bool later = under_way(t, n->alarm.id) || ledger_again_before(run->ledger, t->conf.name, n);
    struct tell_notice *added = &t->notice[t->notices++];

    *added = (struct tell_notice){
        .state = later ? TELL_LATER : TELL_WAITS, .ahead = ahead, .seq = n->seq, .alarm = n->alarm.id
    };
    (void)snprintf(added->host, sizeof added->host, "%s", n->alarm.host);
    run->answers += later;
}

static void
take_due(struct run *run, struct tell_one *t)
{
    struct ledger_try due[2 * NOTIFY_ROOM];
    int count = ledger_again_due(run->ledger, t->conf.name, run->utc_us / 1000, due, 2 * NOTIFY_ROOM);

    for (int i = 0; i < count && t->notices < TELL_TURNS_ROOM; i++) {
        if (!under_way(t, due[i].alarm)) {
            t->notice[t->notices++] = (struct tell_notice){ .state = TELL_WAITS,
                .kept = true,
                .tries = due[i].tries,
                .seq = due[i].seq,
                .alarm = due[i].alarm };
        }
    }
    look_again_at(run, ledger_again_at(run->ledger, t->conf.name, run->utc_us / 1000));
}

/* The next notice: under way if its host has no other, behind those of its host else. False for not now. */
static bool
look_at(struct run *run, struct tell_one *t, const struct notice *n)
{
    bool behind = tell_lane_find(t, n->alarm.host) != NULL;

    if (!behind && !is_for(t, n)) {
        return true;
    }
    if (behind || t->notices == NOTIFY_ROOM || host_under_way(t, n->alarm.host)) {
        return tell_lane_add(t, n);
    }
    add(run, t, n, true);
    return true;
}

static void
look_on(struct run *run, struct tell_one *t)
{
    struct notice n;

    for (unsigned i = 0; i < LOOK_AT_ONCE; i++) {
        if (ledger_notice_after(run->ledger, t->reached, &n) != 0 || !look_at(run, t, &n)) {
            return;
        }
        t->reached = n.seq;
    }
    look_again_at(run, run->utc_us / 1000);
}

static void
take_turns(struct run *run, struct tell_one *t)
{
    struct notice n;

    for (unsigned i = 0; t->notices < TELL_TURNS_ROOM && tell_lanes_next(run, t, &n); i++) {
        if (is_for(t, &n)) {
            add(run, t, &n, false);
        }
        if (i == LOOK_AT_ONCE) {
            look_again_at(run, run->utc_us / 1000);
            return;
        }
    }
}

static void
send_next(struct run *run, struct tell_one *t)
{
    if (t->process.fd < 0 || t->part_ms != 0 || !send_standing(run, t) || !send_waiting(run, t)) {
        return;
    }
    look_on(run, t);
    if (send_waiting(run, t)) {
        take_due(run, t);
        take_turns(run, t);
        (void)send_waiting(run, t);
    }
}

void
tell_say_trouble(struct run *run, struct tell_one *t, bool bad)
{
    struct record r;

    memset(&r, 0, sizeof r);
    t->trouble_told = bad;
    r.kind = RECORD_LOCAL;
    r.severity = WIRE_ERRO;
    r.seen_us = run->utc_us;
    r.over = !bad;
    (void)snprintf(r.code, sizeof r.code, "%s", TELL_TROUBLE);
    (void)snprintf(r.detail, sizeof r.detail, "name=%s%s", t->conf.name, bad ? " why=" : "");
    if (bad) {
        size_t have = strlen(r.detail);

        wire_escape(r.detail + have, sizeof r.detail - have, t->why, strlen(t->why), WIRE_ESCAPE_VALUE);
    }
    commit_record(run, &r);
}

/* A notifier that cannot tell is told by the others. */
static void
tell_trouble(struct run *run, struct tell_one *t)
{
    bool bad = t->trouble_ms != 0 && run->now_ms - t->trouble_ms >= TROUBLE_MS;

    if (bad != t->trouble_told && (t->trouble_ms == 0 || bad)) {
        tell_say_trouble(run, t, bad);
    }
}

void
tell_turn(struct run *run)
{
    struct tell *tell = &run->tell;
    bool look = run->utc_us / 1000 >= run->tell_ms;

    tell_sweep(run);
    if (tell->count == 0) {
        run->tell_ms = INT64_MAX;
        return;
    }
    serve(run);
    if (look) {
        run->tell_ms = INT64_MAX;
    }
    for (unsigned i = 0; i < tell->count; i++) {
        struct tell_one *t = tell->one[i];
        bool starts;

        if (t->part_ms != 0 && run->now_ms >= t->part_ms) {
            ended(run, t);
        }
        starts = t->process.fd < 0 && run->now_ms >= t->start_ms;
        if (starts && start_one(run, t) != 0) {
            ended(run, t);
            starts = false;
        }
        if (look || starts) {
            send_next(run, t);
        }
        if (t->kind->rows && t->process.fd >= 0 && t->part_ms == 0 && (look || t->rows_ready) &&
                !tell_rows_send(run, t)) {
            look_again_at(run, run->utc_us / 1000 + ROOM_MS);
        }
        tell_trouble(run, t);
    }
}

void
tell_at_once(struct run *run, const struct notice *n)
{
    for (unsigned i = 0; i < run->tell.count; i++) {
        if (is_for(run->tell.one[i], n)) {
            (void)post(run->tell.one[i], NOTIFY_NOTICE, NULL, n);
        }
    }
}

/* ---- what the ledger is to know */

static int
save_notice(struct run *run, struct tell_one *t, const struct tell_notice *n)
{
    struct notice key = { .seq = n->seq, .alarm = { .id = n->alarm } };
    int64_t now_ms = run->utc_us / 1000;
    int r = 0;

    switch (n->state) {
    case TELL_DONE:
        t->saving.told += !n->given_up;
        t->saving.failed += n->given_up;
        t->saving.last_ms = n->given_up ? t->saving.last_ms : now_ms;
        return n->kept ? ledger_again_done(run->ledger, t->conf.name, &key) : 0;
    case TELL_FAILED:
        t->saving.failed++;
        return ledger_again(run->ledger, t->conf.name, &key, n->tries + 1, now_ms + retry_ms[n->tries]);
    case TELL_LATER:
        r = ledger_again_now(run->ledger, t->conf.name, n->alarm, now_ms);
        return r == 0 ? ledger_again(run->ledger, t->conf.name, &key, 0, now_ms) : r;
    default:
        return 0;
    }
}

int
tell_save(struct run *run)
{
    struct tell *tell = &run->tell;
    int r = 0;

    for (unsigned i = 0; r == 0 && i < tell->count; i++) {
        struct tell_one *t = tell->one[i];
        bool changed = false;

        t->saving = t->place;
        for (unsigned n = 0; r == 0 && n < t->notices; n++) {
            changed = changed || t->notice[n].state > TELL_SENT;
            r = save_notice(run, t, &t->notice[n]);
        }
        t->saving.notices = tell_lanes_settle(t);
        r = r == 0 ? tell_lanes_save(run, t) : r;
        changed = tell_rows_save(t) || changed;
        if (r == 0 && (changed || t->saving.notices != t->place.notices)) {
            r = ledger_place_save(run->ledger, t->conf.name, &t->saving);
        }
    }
    if (r == 0 && run->now_ms - tell->pruned_ms >= PRUNE_MS) {
        r = ledger_notices_prune(run->ledger, run->utc_us / 1000 - KEEP_MS);
    }
    return r;
}

void
tell_saved(struct run *run)
{
    struct tell *tell = &run->tell;

    if (run->now_ms - tell->pruned_ms >= PRUNE_MS) {
        tell->pruned_ms = run->now_ms;
    }
    for (unsigned i = 0; i < tell->count; i++) {
        struct tell_one *t = tell->one[i];
        unsigned left = 0;

        t->place = t->saving;
        tell_lanes_saved(t);
        t->rows_told = 0;
        t->rows_failed = 0;
        for (unsigned n = 0; n < t->notices; n++) {
            if (t->notice[n].state <= TELL_SENT) {
                t->notice[left++] = t->notice[n];
            }
        }
        t->notices = left;
    }
}

size_t
tell_status(const struct run *run, unsigned i, char *out, size_t size)
{
    const struct tell_one *t = run->tell.one[i];
    const char *state = t->process.fd < 0 ? "lost" : t->trouble_ms != 0 ? "waits" : "up";
    int n = snprintf(out, size, "notifier\t%s\t%s\t%s\t%lld\t%llu\t%llu\t%lld\t%s\n", t->conf.name,
            t->kind->name, state, (long long)tell_waiting(run, t), (unsigned long long)t->place.told,
            (unsigned long long)t->place.failed, (long long)t->place.last_ms, t->why);

    return n < 0 ? 0 : (size_t)n;
}

void
tell_stop(struct run *run)
{
    struct tell *tell = &run->tell;

    for (unsigned i = 0; i < tell->count; i++) {
        if (tell->one[i]->process.fd >= 0) {
            (void)close(tell->one[i]->process.fd);
            (void)waitpid(tell->one[i]->process.pid, NULL, WNOHANG);
        }
        free(tell->one[i]);
    }
    if (tell->fd >= 0) {
        (void)close(tell->fd);
    }
}
