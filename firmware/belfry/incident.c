#include "belfry/incident.h"

#include "belfry/run.h"

#include <stdio.h>
#include <string.h>

#define TELL_MS 60000 /* between two records of a kind, and how long a line is well before an alarm ends */
#define MARK_MS 100   /* between two marks of a kind in a transcript */

struct rule {
    const char *code;
    enum transcript_event event[2];
    const char *key[2];
    uint64_t bad; /* so many in a minute are an alarm; 0: never */
    enum wire_severity severity;
};

/* Noise: a byte now and then is a cable, sixteen a minute are a wrong speed. */
static const struct rule rules[INCIDENTS] = {
    [INCIDENT_DROP] = { "line.drop", { TRANSCRIPT_DROPPED, TRANSCRIPT_OVERRUN }, { "bytes", "overruns" }, 1,
            WIRE_ERRO },
    [INCIDENT_SHARED] = { "line.shared", { TRANSCRIPT_TAKEN, TRANSCRIPT_RESET }, { "taken", "settings" }, 1,
            WIRE_ERRO },
    [INCIDENT_NOISE] = { "line.noise", { TRANSCRIPT_FRAMING, TRANSCRIPT_PARITY }, { "framing", "parity" }, 16,
            WIRE_WARN },
    [INCIDENT_BREAK] = { "line.break", { TRANSCRIPT_BREAK, TRANSCRIPT_NOTHING }, { "breaks", NULL }, 0,
            WIRE_NOTE },
    [INCIDENT_MODEM] = { "line.modem", { TRANSCRIPT_MODEM, TRANSCRIPT_NOTHING }, { NULL, NULL }, 0,
            WIRE_NOTE },
};

/* ---- the transcript */

/* The events of `e` in the order of their places: readers take the index as sorted. */
static void
mark(struct run_line *rl, const struct line_events *e, size_t n)
{
    unsigned left = e->what;

    while (left != 0) {
        int first = -1;

        for (int what = 0; what < TRANSCRIPT_EVENTS; what++) {
            if ((left & 1U << what) != 0 && (first < 0 || e->at[what] < e->at[first])) {
                first = what;
            }
        }
        left &= ~(1U << first);
        transcript_mark_event(&rl->line.transcript, (enum transcript_event)first, e->value[first],
                e->at[first] < n ? n - e->at[first] : 0, rl->run->utc_us, rl->run->now_ms);
    }
}

static void
flush_marks(struct run_line *rl)
{
    struct incidents *in = &rl->incidents;

    if (in->waiting.what != 0 && rl->run->now_ms - in->marked_ms >= MARK_MS) {
        mark(rl, &in->waiting, 0);
        in->waiting.what = 0;
        in->marked_ms = rl->run->now_ms;
    }
}

static void
join(struct line_events *to, const struct line_events *from)
{
    for (int what = 0; what < TRANSCRIPT_EVENTS; what++) {
        if ((from->what & 1U << what) != 0) {
            bool there = (to->what & 1U << what) != 0;

            to->value[what] =
                    there ? transcript_join((enum transcript_event)what, to->value[what], from->value[what])
                          : from->value[what];
            to->at[what] = 0;
            to->what |= 1U << what;
        }
    }
}

/* ---- the record */

/* "on=CTS,DSR changed=DCD" */
static size_t
list_lines(const char *key, uint64_t lines, char *out, size_t size)
{
    size_t n = 0;

    for (unsigned i = 0; i < TRANSCRIPT_LINES; i++) {
        if ((lines & 1U << i) != 0) {
            n += (size_t)snprintf(out + n, size - n, "%s%s", n == 0 ? key : ",", transcript_line_name[i]);
        }
    }
    return n;
}

static void
describe_lines(uint64_t value, char *out, size_t size)
{
    size_t n = list_lines("changed=", value >> 8, out, size);

    if ((value & TRANSCRIPT_UNSEEN) == 0) {
        (void)list_lines(" on=", value, out + n, size - n);
    }
}

static void
describe_counts(const struct rule *rule, const struct incident *in, char *out, size_t size)
{
    size_t n = 0;

    for (unsigned i = 0; i < 2; i++) {
        if (in->value[i] != 0) {
            n += (size_t)snprintf(out + n, size - n, "%s%s=%llu", n > 0 ? " " : "", rule->key[i],
                    (unsigned long long)in->value[i]);
        }
    }
}

static void
tell(struct run_line *rl, enum incident_kind kind)
{
    struct incident *in = &rl->incidents.at[kind];
    const struct rule *rule = &rules[kind];
    bool bad = rule->bad != 0 && in->value[0] + in->value[1] >= rule->bad;
    char detail[TRANSCRIPT_TEXT] = "";

    if (kind == INCIDENT_MODEM) {
        describe_lines(in->value[0], detail, sizeof detail);
    } else {
        describe_counts(rule, in, detail, sizeof detail);
    }
    intake_tell(rl, rule->code, bad ? rule->severity : WIRE_NOTE, false, detail);
    in->raised = in->raised || bad;
    in->told_ms = rl->run->now_ms;
    in->value[0] = 0;
    in->value[1] = 0;
    in->waits = false;
}

/* True when it is news: the first of a minute. */
static bool
count(struct run_line *rl, enum incident_kind kind, const struct line_events *e)
{
    struct incident *in = &rl->incidents.at[kind];
    bool any = false;

    for (unsigned i = 0; i < 2; i++) {
        enum transcript_event what = rules[kind].event[i];

        if (what != TRANSCRIPT_NOTHING && (e->what & 1U << what) != 0) {
            in->value[i] = transcript_join(what, in->value[i], e->value[what]);
            any = true;
        }
    }
    if (any) {
        in->waits = true;
        in->last_ms = rl->run->now_ms;
    }
    return any && (in->told_ms == 0 || rl->run->now_ms - in->told_ms >= TELL_MS);
}

void
incident_take(struct run_line *rl, size_t n)
{
    const struct line_events *e = &rl->line.events;
    struct incidents *in = &rl->incidents;

    if (e->what != 0) {
        if (in->waiting.what == 0 && rl->run->now_ms - in->marked_ms >= MARK_MS) {
            mark(rl, e, n);
            in->marked_ms = rl->run->now_ms;
        } else {
            join(&in->waiting, e);
        }
        for (int kind = 0; kind < INCIDENTS; kind++) {
            if (count(rl, (enum incident_kind)kind, e)) {
                tell(rl, (enum incident_kind)kind);
            }
        }
    }
    flush_marks(rl);
}

void
incident_tick(struct run_line *rl)
{
    flush_marks(rl);
    for (int kind = 0; kind < INCIDENTS; kind++) {
        struct incident *in = &rl->incidents.at[kind];

        if (in->waits && rl->run->now_ms - in->told_ms >= TELL_MS) {
            tell(rl, (enum incident_kind)kind);
        }
        if (in->raised && rl->run->now_ms - in->last_ms >= TELL_MS) {
            in->raised = false;
            intake_tell(rl, rules[kind].code, rules[kind].severity, true, "");
        }
    }
}

void
incident_prepare(struct run_line *rl)
{
    char subject[CONF_NAME + 8];

    (void)snprintf(subject, sizeof subject, "line=%s", rl->line.conf->name);
    for (int kind = 0; kind < INCIDENTS; kind++) {
        struct incident *in = &rl->incidents.at[kind];

        in->raised = rules[kind].bad != 0 && ledger_standing(rl->run->ledger, "", rules[kind].code, subject);
        in->last_ms = rl->run->now_ms;
    }
}
