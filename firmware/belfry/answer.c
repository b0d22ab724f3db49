#include "belfry/run.h"

#include "belfry/events.h"
#include "belfry/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* In one answer. The longest line of each kind, so often, is less than CTL_ANSWER_MAX. */
#define PIECE_LINES 256
#define PIECE_HOSTS 128
#define PIECE_ALARMS 96
#define PIECE_ROWS 1000 /* of the ledger, looked at: about a millisecond */
#define RECENT 20

__attribute__((format(printf, 2, 3))) static void
say(struct out *out, const char *format, ...)
{
    char text[EVENTS_TEXT];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n > 0 && n < (int)sizeof text) {
        (void)out_put(out, text, (size_t)n);
    }
}

static void
say_more(struct out *out, int64_t next)
{
    if (next > 0) {
        say(out, "more\t%lld\n", (long long)next);
    }
}

/* ---- lines */

static void
say_notifiers(struct run *run, struct out *out)
{
    char text[EVENTS_TEXT];

    for (unsigned i = 0; i < run->tell.count; i++) {
        (void)out_put(out, text, tell_status(run, i, text, sizeof text));
    }
}

static void
answer_status(struct run *run, int64_t from, struct out *out)
{
    unsigned first = from < run->lines ? (unsigned)from : run->lines;
    unsigned end = run->lines - first > PIECE_LINES ? first + PIECE_LINES : run->lines;

    say(out, "belfry\t%s\t%ld\t%lld\t%llu\t%llu\t%d\t%lld\n", TOCSIN_VERSION, (long)getpid(),
            (long long)run->started_ms, (unsigned long long)run->bench.unknown,
            (unsigned long long)run->bench.torn, run->stuck_said, (long long)(run->utc_us / 1000));
    for (unsigned i = first; i < end; i++) {
        const struct line *l = &run->line[i]->line;

        say(out, "line\t%s\t%s\t%s\t%d\t%llu\t%lld\t%llu\t%llu\n", l->conf->name, l->ops->kind,
                l->up ? "up" : "lost", l->error, (unsigned long long)l->bytes, (long long)l->last_utc_ms,
                (unsigned long long)l->transcript.lost_all, (unsigned long long)line_errors(l));
    }
    if (first == 0 && run->net != NULL) {
        const struct gate_counts *c = &run->net->counts;

        say(out, "gate\t%u\t%u\t%u\t%u\t%llu\t%llu\t%llu\t%llu\n", run->conf->listens, net_listening(run),
                run->net->conns, c->waiting, (unsigned long long)c->accepted, (unsigned long long)c->refused,
                (unsigned long long)c->limited, (unsigned long long)c->expired);
    }
    if (first == 0) {
        say_notifiers(run, out);
    }
    say_more(out, end < run->lines ? end : 0);
}

/* ---- hosts */

/* What the sessions that are followed still miss, of what was told. */
static uint64_t
missing(const struct wire_judge *j)
{
    uint64_t count = 0;

    for (unsigned s = 0; s < WIRE_JUDGE_SESSIONS; s++) {
        const struct wire_judge_session *session = &j->session[s];

        for (unsigned i = 0; session->used && i < session->holes; i++) {
            const struct wire_hole *h = &j->hole[s][i];

            count += h->told ? (uint64_t)h->last - h->first + 1 : 0;
        }
    }
    return count;
}

static const char *
host_state(const struct bench_host *h)
{
    if (h->judge.silent_told) {
        return "silent";
    }
    if (h->keep.last_ms == 0) {
        return "never";
    }
    return h->judge.alive ? "alive" : "stopped";
}

/* "ttyS1,net", with ! behind one that has fallen silent while another lives; "-" for none. */
static void
host_paths(const struct bench_host *h, char *out, size_t size)
{
    size_t n = 0;

    (void)snprintf(out, size, "-");
    for (unsigned i = 0; i < h->paths.count && n < size; i++) {
        const struct path_record *p = &h->paths.at[i].keep;

        n += (size_t)snprintf(out + n, size - n, "%s%s%s", i > 0 ? "," : "", p->path, p->quiet ? "!" : "");
    }
}

static void
say_host(const struct run *run, const struct bench_host *h, struct out *out)
{
    const struct host_record *k = &h->keep;
    char paths[PATHS_MAX * (CONF_NAME + 2)];
    int64_t expect_ms = k->expect_until_ms > run->utc_us / 1000 ? k->expect_until_ms : 0;

    host_paths(h, paths, sizeof paths);
    say(out, "host\t%s\t%s\t%s\t%lld\t%lld\t%llu\t%llu\t%llu\t%llu\t%llu\t%lld\t%s\t%s\n", k->host,
            k->last_line[0] != '\0' ? k->last_line : "-", host_state(h), (long long)k->last_ms,
            (long long)wire_judge_patience_ms(&h->judge), (unsigned long long)k->proved,
            (unsigned long long)k->repaired, (unsigned long long)k->copies, (unsigned long long)k->forged,
            (unsigned long long)missing(&h->judge), (long long)expect_ms, h->net.up ? "up" : "down", paths);
}

static void
answer_hosts(struct run *run, int64_t from, struct out *out)
{
    unsigned first = from < run->bench.hosts ? (unsigned)from : run->bench.hosts;
    unsigned end = run->bench.hosts - first > PIECE_HOSTS ? first + PIECE_HOSTS : run->bench.hosts;

    for (unsigned i = first; i < end; i++) {
        say_host(run, run->bench.host[i], out);
    }
    say_more(out, end < run->bench.hosts ? end : 0);
}

/* ---- alarms */

struct saying {
    struct out *out;
    unsigned count;
};

static void
say_alarm(void *to, const struct alarm *a)
{
    struct saying *s = to;
    char number[64];

    s->count++;
    say(s->out, "alarm\t%lld\t%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%lld\t%lld\t%lld\t%s\t%u\n", (long long)a->id,
            a->open ? "open" : "closed", (int)a->severity, a->host, a->code, a->line, a->verdict,
            events_number(number, a->session, a->nonce, a->number, a->number), a->detail,
            (long long)a->opened_ms, (long long)a->closed_ms, (long long)a->acked_ms, a->acked_by, a->count);
}

static void
answer_alarms(struct run *run, const struct ctl_request *request, struct out *out)
{
    struct saying s = { .out = out };
    unsigned skip = request->from < UINT32_MAX / 2 ? (unsigned)request->from : UINT32_MAX / 2;
    int r = request->what == CTL_RECENT ? ledger_alarms_recent(run->ledger, RECENT, say_alarm, &s)
                                        : ledger_alarms_open(run->ledger, skip, PIECE_ALARMS, say_alarm, &s);

    if (r != 0) {
        say(out, "error\tthe ledger cannot be read\n");
    } else if (request->what == CTL_ALARMS && s.count == PIECE_ALARMS) {
        say_more(out, (int64_t)skip + PIECE_ALARMS);
    }
}

/* A small transaction of its own; what waits is committed first, so that the order of changes is kept. */
static void
answer_ack(struct run *run, const struct ctl_request *request, struct out *out)
{
    struct ledger_changes changes = { .count = 0 };
    char text[EVENTS_TEXT];
    struct alarm a;
    int r;

    commit_patient(run, true);
    r = commit_now(run) ? ledger_begin(run->ledger) : LEDGER_E_BUSY;
    if (r == 0) {
        r = ledger_ack(run->ledger, request->alarm, request->by, run->utc_us / 1000, &changes);
    }
    if (r == 0) {
        r = ledger_commit(run->ledger);
    }
    commit_patient(run, false);
    if (r != 0) {
        ledger_rollback(run->ledger);
        say(out, "error\t%s\n", r == LEDGER_E_NONE ? "no such alarm" : "the ledger cannot be written");
        return;
    }
    run->page.changed = true;
    if (changes.count > 0) {
        run->tell_ms = 0;
        if (run->events && ledger_alarm(run->ledger, request->alarm, &a) == 0) {
            (void)out_put(&run->out, text, events_alarm(text, &a, true, run->utc_us));
        }
    }
    say(out, "ok\t%s\n", changes.count > 0 ? "closed" : "acknowledged");
}

/* ---- beats */

static void
say_beat(void *to, const struct ledger_beat *b)
{
    struct saying *s = to;

    say(s->out, "beats\t%s\t%s\t%lld\t%u\n", b->line, b->host, (long long)b->minute, b->count);
}

static void
answer_beats(struct run *run, int64_t before, struct out *out)
{
    struct saying s = { .out = out };
    int64_t next = 0;

    if (ledger_beats(run->ledger, before, PIECE_ROWS, say_beat, &s, &next) != 0) {
        say(out, "error\tthe ledger cannot be read\n");
    } else {
        say_more(out, next);
    }
}

static void
say_reload_notifiers(const struct tell_change *c, struct out *out)
{
    if (c->notifiers + c->removed == 0) {
        return;
    }
    say(out, "ok\t%u notifier%s: %u added, %u removed, %u changed, %u with other certificates or keys\n",
            c->notifiers, text_s(c->notifiers), c->added, c->removed, c->changed, c->renewed);
    if (c->untold > 0) {
        say(out, "ok\t%u notice%s that waited for removed notifiers %s not told by them\n", c->untold,
                text_s(c->untold), c->untold == 1 ? "is" : "are");
    }
}

static void
answer_reload(struct run *run, struct out *out)
{
    struct roster_change c;
    bool done;

    commit_patient(run, true);
    done = roster_reload(run, &c);
    commit_patient(run, false);
    if (done) {
        say(out, "ok\t%u line%s: %u added, %u removed, %u changed\n", c.lines, text_s(c.lines), c.added,
                c.removed, c.changed);
        say_reload_notifiers(&c.notifiers, out);
        for (unsigned i = 0; i < c.fixed; i++) {
            say(out, "ok\t%s\n", c.fixed_text->text[i]);
        }
        if (c.failed > 0) {
            say(out, "error\t%u line%s %s not watched: the log of belfry says why\n", c.failed,
                    text_s(c.failed), c.failed == 1 ? "is" : "are");
        }
        return;
    }
    for (unsigned i = 0; c.errors != NULL && i < c.errors->count && i < CONF_ERRORS_MAX; i++) {
        say(out, "error\t%s\n", c.errors->text[i]);
    }
    say(out, "error\tnothing was changed\n");
}

void
answer(void *to, const struct ctl_request *request, struct out *out)
{
    struct run *run = to;

    switch (request->what) {
    case CTL_STATUS:
        answer_status(run, request->from, out);
        break;
    case CTL_HOSTS:
        answer_hosts(run, request->from, out);
        break;
    case CTL_ALARMS:
    case CTL_RECENT:
        answer_alarms(run, request, out);
        break;
    case CTL_BEATS:
        answer_beats(run, request->from, out);
        break;
    case CTL_ACK:
        answer_ack(run, request, out);
        break;
    case CTL_WRITE:
    case CTL_TAKE:
    case CTL_LEAVE:
        attach_answer(run, request, out);
        break;
    case CTL_RELOAD:
        answer_reload(run, out);
        break;
    }
}
