#include "belfry/run.h"

#include "belfry/clock.h"
#include "belfry/events.h"
#include "belfry/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define AGAIN_MS 200
#define STUCK_TELL_MS 3000 /* how long the ledger may refuse before somebody is told */
#define TRIES_MAX 6

/* Waits between the tries to tell an alarm. */
static const int64_t retry_ms[TRIES_MAX] = { 5000, 15000, 60000, 300000, 900000, 3600000 };

void
commit_record(struct run *run, const struct record *r)
{
    if (run->queued == RUN_QUEUE && !commit_now(run)) {
        run->dropped++; /* only with a ledger that refuses, and only what comes without being read (ticks) */
        return;
    }
    if (run->queued == 0) {
        run->first_ms = run->now_ms;
    }
    run->queue[run->queued++] = *r;
}

/* ---- one transaction */

static void
gather(struct run *run, const struct ledger_changes *changes)
{
    for (unsigned i = 0; i < changes->count && run->changes < RUN_CHANGES; i++) {
        run->change[run->changes++] = changes->at[i];
    }
}

static int
apply_records(struct run *run)
{
    int r = 0;

    for (unsigned i = 0; r == 0 && i < run->queued; i++) {
        struct ledger_changes changes = { .count = 0 };

        r = ledger_apply(run->ledger, &run->queue[i], &changes);
        gather(run, &changes);
    }
    return r;
}

static int
save_hosts(struct run *run)
{
    int64_t utc_ahead_ms = run->utc_us / 1000 - run->now_ms;
    int r = 0;

    for (unsigned i = 0; r == 0 && i < run->bench.hosts; i++) {
        const struct bench_host *h = run->bench.host[i];

        if (h->changed) {
            r = ledger_host_save(run->ledger, &h->keep, &h->judge, utc_ahead_ms);
        }
    }
    return r;
}

/* Needs the holes as they are now, so it comes after save_hosts(). */
static int
close_gaps(struct run *run)
{
    int r = 0;

    for (unsigned i = 0; r == 0 && i < run->queued; i++) {
        struct ledger_changes changes = { .count = 0 };

        if (run->queue[i].kind == RECORD_LINE && run->queue[i].verdict == WIRE_LATE) {
            r = ledger_gaps_filled(run->ledger, &run->queue[i], &changes);
            gather(run, &changes);
        }
    }
    return r;
}

static int
save_places(struct run *run)
{
    int r = 0;

    for (unsigned i = 0; r == 0 && i < run->lines; i++) {
        struct line *l = &run->line[i].line;
        struct ledger_source source;
        struct line_place place;

        if (!line_file_place(l, &place)) {
            continue;
        }
        memset(&source, 0, sizeof source);
        (void)snprintf(source.path, sizeof source.path, "%s", l->conf->path);
        source.dev = place.dev;
        source.ino = place.ino;
        source.offset = place.offset;
        source.back = place.back;
        source.print = place.print;
        source.print_len = place.print_len;
        source.raw = l->transcript.size - l->transcript.skip;
        r = ledger_source_save(run->ledger, l->conf->name, &source);
    }
    return r;
}

static int
save_answers(struct run *run)
{
    int r = 0;

    for (unsigned i = 0; r == 0 && i < run->answers; i++) {
        const struct notify_answer *a = &run->answer[i];

        r = ledger_told(run->ledger, a->id, a->closed, a->sequence, a->told ? 0 : a->retry_ms);
    }
    return r;
}

static int
transaction(struct run *run)
{
    int r = ledger_begin(run->ledger);

    run->changes = 0;
    if (r == 0) {
        r = apply_records(run);
    }
    if (r == 0) {
        r = save_hosts(run);
    }
    if (r == 0) {
        r = close_gaps(run);
    }
    if (r == 0) {
        r = save_places(run);
    }
    if (r == 0) {
        r = save_answers(run);
    }
    return r == 0 ? ledger_commit(run->ledger) : r;
}

/* ---- after it */

static void
print_alarm(struct run *run, const struct ledger_change *c)
{
    char text[EVENTS_TEXT];
    struct alarm a;

    if (c->what != LEDGER_REPEATED && ledger_alarm(run->ledger, c->alarm, &a) == 0) {
        (void)out_put(&run->out, text, events_alarm(text, &a, c->what == LEDGER_CLOSED, clock_utc_us()));
    }
}

static void
print_all(struct run *run)
{
    char text[EVENTS_TEXT];
    uint64_t dropped = out_dropped(&run->out);

    if (dropped > 0) {
        char count[32];

        (void)snprintf(count, sizeof count, "%llu", (unsigned long long)dropped);
        (void)out_put(&run->out, text, events_simple(text, "DROPPED", run->utc_us, count));
    }
    for (unsigned i = 0; i < run->queued; i++) {
        (void)out_put(&run->out, text, events_record(text, &run->queue[i]));
    }
    for (unsigned i = 0; i < run->changes; i++) {
        print_alarm(run, &run->change[i]);
    }
}

/* An alarm that cannot be in the ledger, since it is about the ledger. */
static void
tell_stuck(struct run *run, bool over)
{
    struct notify_message m = { .closed = over };
    char text[EVENTS_TEXT];

    run->stuck_told = !over;
    m.alarm.severity = WIRE_CRIT;
    m.alarm.open = !over;
    m.alarm.count = 1;
    m.alarm.opened_ms = run->stuck_ms;
    m.alarm.closed_ms = over ? run->utc_us / 1000 : 0;
    (void)snprintf(m.alarm.code, sizeof m.alarm.code, "%s", "belfry.ledger");
    (void)snprintf(m.alarm.verdict, sizeof m.alarm.verdict, "%s", "LOCAL");
    (void)snprintf(m.alarm.detail, sizeof m.alarm.detail, "waiting=%u dropped=%llu", run->queued,
            (unsigned long long)run->dropped);
    if (run->notify.fd >= 0) {
        (void)notify_send(&run->notify, &m);
    }
    if (run->events) {
        (void)out_put(&run->out, text, events_alarm(text, &m.alarm, over, run->utc_us));
    }
}

static void
refused(struct run *run)
{
    ledger_rollback(run->ledger);
    run->again_ms = run->now_ms + AGAIN_MS;
    if (!run->stuck) {
        run->stuck = true;
        run->stuck_ms = run->utc_us / 1000;
        out_warn("%s; lines wait in memory and it is tried again", ledger_error(run->ledger));
    } else if (!run->stuck_told && run->utc_us / 1000 - run->stuck_ms >= STUCK_TELL_MS) {
        tell_stuck(run, false);
    }
}

static void
accepted(struct run *run)
{
    if (run->stuck) {
        run->stuck = false;
        out_warn("the ledger is written again");
        if (run->stuck_told) {
            tell_stuck(run, true);
        }
    }
    if (run->events) {
        print_all(run);
        (void)out_flush(&run->out);
    }
    for (unsigned i = 0; i < run->bench.hosts; i++) {
        run->bench.host[i]->changed = false;
    }
    if (run->changes > 0 || run->answers > 0) {
        run->tell_ms = 0;
    }
    run->queued = 0;
    run->answers = 0;
    run->unsaved = false;
    run->unsaved_ms = run->now_ms;
}

bool
commit_now(struct run *run)
{
    if (run->stuck && run->now_ms < run->again_ms) {
        return false;
    }
    if (transaction(run) != 0) {
        refused(run);
        return false;
    }
    accepted(run);
    return true;
}

/* ---- telling */

static void
not_busy(struct run *run, int64_t id)
{
    for (unsigned i = 0; i < run->busy_count; i++) {
        if (run->busy[i] == id) {
            run->busy[i] = run->busy[--run->busy_count];
            return;
        }
    }
}

/* The notifier died: what it had is told again by a new one. */
static void
restart_notifier(struct run *run)
{
    out_warn("the notifier is gone; starting it again");
    notify_stop(&run->notify);
    run->busy_count = 0;
    run->tell_ms = run->utc_us / 1000 + 1000;
    if (notify_start(&run->notify, run->conf) != 0) {
        out_warn("cannot start the notifier; tried again in a second");
    }
}

static void
take_answers(struct run *run)
{
    struct notify_answer a;
    int r = 0;

    while (run->answers < NOTIFY_ROOM && (r = notify_receive(&run->notify, &a)) == 1) {
        not_busy(run, a.id);
        if (a.id != 0) {
            run->answer[run->answers++] = a;
        }
    }
    if (r < 0) {
        restart_notifier(run);
    }
}

/* Says when to try again what failed; after the last try it counts as told, and the log says so. */
static void
schedule_tries(struct run *run, struct notify_answer *a, unsigned tries)
{
    if (tries < TRIES_MAX) {
        a->retry_ms = run->utc_us / 1000 + retry_ms[tries];
        return;
    }
    a->told = true;
    out_warn("alarm %lld could not be told in %d tries; given up", (long long)a->id, TRIES_MAX + 1);
}

static void
send_next(struct run *run)
{
    struct ledger_tell tell;
    struct notify_message m;

    run->tell_ms = INT64_MAX;
    while (run->busy_count < NOTIFY_ROOM) {
        int r = ledger_tell_next(run->ledger, run->utc_us / 1000, run->busy, run->busy_count, &tell);

        if (r != 0) {
            run->tell_ms = ledger_tell_due(run->ledger, run->utc_us / 1000);
            return;
        }
        memset(&m, 0, sizeof m);
        m.alarm = tell.alarm;
        m.closed = tell.closed;
        m.sequence = tell.sequence;
        m.tries = tell.tries;
        if (notify_send(&run->notify, &m) != 0) {
            return;
        }
        run->busy[run->busy_count++] = tell.alarm.id;
    }
}

/* Without a hook and without syslog, what stands in the ledger is told. */
static void
tell_nobody(struct run *run)
{
    struct ledger_tell tell;

    run->tell_ms = INT64_MAX;
    while (run->answers < NOTIFY_ROOM &&
            ledger_tell_next(run->ledger, run->utc_us / 1000, run->busy, run->busy_count, &tell) == 0) {
        run->busy[run->busy_count++] = tell.alarm.id;
        run->answer[run->answers++] = (struct notify_answer){
            .id = tell.alarm.id, .sequence = tell.sequence, .closed = tell.closed, .told = true
        };
    }
    run->busy_count = 0;
}

void
commit_tell(struct run *run)
{
    if (run->notify.fd < 0 && run->conf->on_alarm[0] == '\0' && !run->conf->syslog) {
        if (run->utc_us / 1000 >= run->tell_ms && run->answers == 0) {
            tell_nobody(run);
        }
        return;
    }
    if (run->notify.fd < 0) {
        if (run->utc_us / 1000 >= run->tell_ms) {
            restart_notifier(run);
        }
        return;
    }
    take_answers(run);
    for (unsigned i = 0; i < run->answers; i++) {
        struct notify_answer *a = &run->answer[i];

        if (!a->told && a->retry_ms == 0) {
            schedule_tries(run, a, a->tries);
        }
    }
    if (run->answers == 0 && run->utc_us / 1000 >= run->tell_ms) {
        send_next(run);
    }
}
