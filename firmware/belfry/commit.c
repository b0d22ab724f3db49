#include "belfry/run.h"

#include "belfry/clock.h"
#include "belfry/events.h"
#include "belfry/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define AGAIN_MS 200
#define AGAIN_BUSY_MS 10  /* another process writes: it will be done soon */
#define STUCK_SAY_MS 1000 /* or not */
#define PATIENCE_MS 100
#define STUCK_TELL_MS 3000 /* how long the ledger may refuse before somebody is told */

/* A sign of life that only waits for its acknowledgement: others may join it in its transaction. */
static bool
can_wait(const struct record *r)
{
    return r->kind == RECORD_LINE && r->severity == WIRE_INFO && strcmp(r->line, PATH_NET) == 0;
}

void
commit_record(struct run *run, const struct record *r)
{
    if (run->queued == RUN_QUEUE && !commit_now(run)) {
        run->dropped++; /* only with a ledger that refuses, and only what comes without being read (ticks) */
        return;
    }
    if (run->queued == 0) {
        run->first_ms = run->now_ms;
        run->urgent = false;
    }
    run->urgent = run->urgent || !can_wait(r);
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
save_paths(struct run *run, const struct bench_host *h)
{
    int r = 0;

    for (unsigned i = 0; r == 0 && i < h->paths.count; i++) {
        const struct path *path = &h->paths.at[i];

        if (path->changed) {
            r = ledger_path_save(run->ledger, h->keep.host, h->keep.pairing, &path->keep);
        }
    }
    if (r == 0 && h->net_changed) {
        r = ledger_connection_save(run->ledger, h->keep.host, h->keep.pairing, &h->net);
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
        if (r == 0 && (h->changed || h->net_changed)) {
            r = save_paths(run, h);
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

    for (unsigned i = 0; r == 0 && run->files > 0 && i < run->lines; i++) {
        struct line *l = &run->line[i]->line;
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
        source.raw = transcript_end(&l->transcript) - l->transcript.skip;
        r = ledger_source_save(run->ledger, l->conf->name, &source);
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
        r = tell_save(run);
    }
    if (r == 0) {
        r = forget_save(run);
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

void
commit_say_dropped(struct run *run)
{
    char text[EVENTS_TEXT];
    uint64_t dropped = out_dropped(&run->out);

    if (dropped > 0) {
        char count[32];

        (void)snprintf(count, sizeof count, "%llu", (unsigned long long)dropped);
        (void)out_put(&run->out, text, events_simple(text, "DROPPED", run->utc_us, count));
    }
}

static void
print_all(struct run *run)
{
    char text[EVENTS_TEXT];

    commit_say_dropped(run);
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
    struct notice m = { .closed = over, .worst = WIRE_CRIT, .made_ms = run->utc_us / 1000 };
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
    tell_at_once(run, &m);
    if (run->events) {
        (void)out_put(&run->out, text, events_alarm(text, &m.alarm, over, run->utc_us));
    }
}

static void
refused(struct run *run, int error)
{
    ledger_rollback(run->ledger);
    run->locked = error == LEDGER_E_BUSY;
    if (!run->stuck) {
        run->stuck = true;
        run->stuck_ms = run->utc_us / 1000;
    }
    if (!run->stuck_said && (error != LEDGER_E_BUSY || run->utc_us / 1000 - run->stuck_ms >= STUCK_SAY_MS)) {
        run->stuck_said = true;
        out_warn("%s; lines wait in memory and it is tried again", ledger_error(run->ledger));
    }
    run->again_ms = run->now_ms + (run->stuck_said ? AGAIN_MS : AGAIN_BUSY_MS);
    if (!run->stuck_told && run->utc_us / 1000 - run->stuck_ms >= STUCK_TELL_MS) {
        tell_stuck(run, false);
    }
}

static void
accepted(struct run *run)
{
    if (run->stuck) {
        run->stuck = false;
        if (run->stuck_said) {
            out_warn("the ledger is written again");
        }
        run->stuck_said = false;
        run->locked = false;
        if (run->stuck_told) {
            tell_stuck(run, true);
        }
    }
    if (run->events) {
        print_all(run);
        (void)out_flush(&run->out);
    }
    for (unsigned i = 0; i < run->bench.hosts; i++) {
        struct bench_host *h = run->bench.host[i];

        if (h->changed || h->net_changed) {
            bench_saved(h);
        }
    }
    run->page.changed = run->page.changed || run->changes > 0;
    tell_saved(run);
    forget_saved(run);
    if (run->queued > 0) {
        tell_rows_made(run);
    }
    if (run->changes > 0 || run->answers > 0) {
        run->tell_ms = 0;
    }
    run->queued = 0;
    run->answers = 0;
    run->unsaved = false;
    run->unsaved_ms = run->now_ms;
}

static bool
again_on_reserve(struct run *run)
{
    if (!reserve_spend(&run->reserve)) {
        return false;
    }
    ledger_rollback(run->ledger);
    ledger_spare(run->ledger, true);
    return transaction(run) == 0;
}

void
commit_patient(struct run *run, bool patient)
{
    ledger_patience(run->ledger, patient && !run->stuck_said ? PATIENCE_MS : 0);
    run->again_ms = patient && !run->stuck_said ? run->now_ms : run->again_ms;
}

bool
commit_now(struct run *run)
{
    int r;

    if (run->stuck && run->now_ms < run->again_ms) {
        return false;
    }
    r = transaction(run);
    if (r != 0 && (r == LEDGER_E_BUSY || !again_on_reserve(run))) {
        refused(run, r);
        return false;
    }
    accepted(run);
    return true;
}
