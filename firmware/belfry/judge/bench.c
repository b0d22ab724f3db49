#include "belfry/judge/bench.h"

#include "belfry/text.h"
#include "wire/escape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_MS 60000

static bool
judge_tag_of(void *to, uint32_t session, const char *nonce, uint32_t number, char tag[WIRE_TAG_CHARS])
{
    struct bench_host *h = to;

    return h->bench->ops->tag_of(h->bench->to, h->keep.host, h->keep.pairing, session, nonce, number, tag);
}

static bool
judge_key_of(void *to, uint32_t session, const char *nonce, struct wire_key *key)
{
    struct bench_host *h = to;

    return h->bench->ops->key_of(h->bench->to, h->keep.host, h->keep.pairing, session, nonce, key);
}

static const struct wire_judge_ops judge_ops = {
    .tag_of = judge_tag_of,
    .key_of = judge_key_of,
};

void
bench_init(struct bench *b, const struct bench_ops *ops, void *to)
{
    memset(b, 0, sizeof *b);
    b->ops = ops;
    b->to = to;
}

void
bench_free(struct bench *b)
{
    for (unsigned i = 0; i < b->hosts; i++) {
        wire_wipe(b->host[i], sizeof *b->host[i]);
        free(b->host[i]);
    }
    b->hosts = 0;
}

struct bench_host *
bench_find(struct bench *b, const char *host)
{
    for (unsigned i = 0; i < b->hosts; i++) {
        if (strcmp(b->host[i]->keep.host, host) == 0) {
            return b->host[i];
        }
    }
    return NULL;
}

struct bench_host *
bench_take(struct bench *b, const struct host_record *host, int64_t now_ms)
{
    struct bench_host *h = bench_find(b, host->host);
    struct wire_judge_start start = {
        .host = host->host,
        .root = host->root,
        .root_session = host->root_session,
        .next_s = host->next_s,
        .alive = host->alive,
        .now_ms = now_ms,
    };

    if (h != NULL && h->keep.pairing == host->pairing) {
        h->listed = true;
        return NULL;
    }
    if (h == NULL) {
        h = b->hosts < BENCH_HOSTS ? calloc(1, sizeof *h) : NULL;
        if (h == NULL) {
            return NULL;
        }
        b->host[b->hosts++] = h;
    }
    h->bench = b;
    h->keep = *host;
    h->changed = false;
    h->listed = true;
    h->stop_told = false;
    wire_judge_init(&h->judge, &start, &judge_ops, h);
    /* It had said goodbye when we were last here: from now on it is given the usual time. */
    h->stop_ms = !host->alive && host->root_session > 0 ? now_ms + wire_judge_patience_ms(&h->judge) : 0;
    wire_wipe(&start, sizeof start);
    wire_wipe(&h->keep.root, sizeof h->keep.root); /* the judge has it */
    return h;
}

void
bench_expect(struct bench_host *h, int64_t until_ms)
{
    h->judge.quiet_until_ms = until_ms;
}

void
bench_list_begin(struct bench *b)
{
    for (unsigned i = 0; i < b->hosts; i++) {
        b->host[i]->listed = false;
    }
}

void
bench_list_end(struct bench *b)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < b->hosts; i++) {
        struct bench_host *h = b->host[i];

        if (h->listed) {
            b->host[kept++] = h;
        } else {
            wire_wipe(h, sizeof *h);
            free(h);
        }
    }
    b->hosts = kept;
}

void
bench_resume(struct bench_host *h, const struct wire_judge_session *session, int64_t utc_ahead_ms)
{
    static struct wire_judge_session s;

    s = *session;
    for (unsigned i = 0; i < s.holes; i++) {
        s.hole[i].since_ms -= utc_ahead_ms;
    }
    wire_judge_resume(&h->judge, &s);
    wire_wipe(&s.key, sizeof s.key);
}

/* May this one be told? What may not is counted. */
static bool
rate_allows(struct bench_rate *r, uint32_t most, int64_t now_ms)
{
    if (r->told == 0) {
        r->from_ms = now_ms;
    }
    if (r->told < most) {
        r->told++;
        return true;
    }
    r->held++;
    return false;
}

/* The minute is over: how many were not told. */
static uint32_t
rate_settle(struct bench_rate *r, int64_t now_ms)
{
    uint32_t held = r->held;

    if (r->told == 0 || now_ms - r->from_ms < MINUTE_MS) {
        return 0;
    }
    r->told = 0;
    r->held = 0;
    return held;
}

static void
record_begin(struct record *r, enum record_kind kind, const struct bench_moment *at, const char *host)
{
    memset(r, 0, sizeof *r);
    r->kind = kind;
    r->seen_us = at->utc_us;
    (void)snprintf(r->line, sizeof r->line, "%s", at->line);
    (void)snprintf(r->host, sizeof r->host, "%s", host);
}

/* Details of a verdict, in the form of details of a line. */
static void
describe(struct record *r, const struct wire_line *line)
{
    char shown[200];

    switch (r->verdict) {
    case WIRE_GAP:
        (void)snprintf(r->detail, sizeof r->detail, "session=%u-%s lines=%u-%u missing=%u bad=%s", r->session,
                r->nonce, r->first, r->last, r->last - r->first + 1, r->bad ? "yes" : "no");
        break;
    case WIRE_SILENT:
        (void)snprintf(r->detail, sizeof r->detail, "seconds=%lld", (long long)r->value);
        break;
    case WIRE_SKIPPED_SESSION:
        (void)snprintf(r->detail, sizeof r->detail, "sessions=%u-%u", r->first, r->last);
        break;
    case WIRE_CLOCK:
        (void)snprintf(r->detail, sizeof r->detail, "apart=%lld", (long long)r->value);
        break;
    case WIRE_TORN:
    case WIRE_FLOOD:
        (void)snprintf(r->detail, sizeof r->detail, "count=%lld", (long long)r->value);
        break;
    case WIRE_FORGED:
    case WIRE_CLONE:
    case WIRE_UNKNOWN:
        if (line != NULL) {
            wire_escape(shown, sizeof shown, line->bytes, line->len, WIRE_ESCAPE_VALUE);
            (void)snprintf(r->detail, sizeof r->detail, "line=%s", shown);
        }
        break;
    default:
        (void)snprintf(r->detail, sizeof r->detail, "session=%u-%s lines=%u-%u", r->session, r->nonce,
                r->first, r->last);
        break;
    }
}

static void
emit_event(struct bench_host *h, const struct wire_event *e, const struct wire_line *line,
        const struct bench_moment *at)
{
    struct record r;

    record_begin(&r, RECORD_EVENT, at, h->keep.host);
    r.pairing = h->keep.pairing;
    r.verdict = e->verdict;
    r.session = e->session;
    memcpy(r.nonce, e->nonce, sizeof r.nonce);
    r.first = e->first;
    r.last = e->last;
    r.value = e->value;
    r.bad = e->bad;
    describe(&r, line);
    h->bench->ops->record(h->bench->to, &r);
}

/* The verdict on the line itself, when it is not a proof: limited in rate. */
static void
emit_doubt(struct bench_host *h, const struct wire_event *e, const struct wire_line *line,
        const struct bench_moment *at)
{
    struct bench_rate *rate = &h->rate[BENCH_UNKNOWN];
    uint32_t most = 1;

    if (e->verdict == WIRE_FORGED || e->verdict == WIRE_CLONE) {
        rate = &h->rate[e->verdict == WIRE_FORGED ? BENCH_FORGED : BENCH_CLONE];
        most = BENCH_TOLD_A_MINUTE;
    }
    if (e->verdict == WIRE_FORGED) {
        h->keep.forged++;
        h->changed = true;
    }
    if (rate_allows(rate, most, at->now_ms)) {
        emit_event(h, e, line, at);
    }
}

static void
emit_proof(struct bench_host *h, enum wire_verdict verdict, const struct wire_line *line,
        const struct bench_moment *at)
{
    const struct wire_head *head = &line->head;
    struct record r;

    record_begin(&r, RECORD_LINE, at, head->host);
    r.pairing = h->keep.pairing;
    r.verdict = verdict;
    r.severity = head->severity;
    r.session = head->session;
    memcpy(r.nonce, head->nonce, sizeof r.nonce);
    r.first = head->number;
    r.last = head->number;
    r.utc_s = head->utc_s;
    r.mono_s = head->mono_s;
    r.life = h->judge.life_ms == at->now_ms;
    (void)snprintf(r.code, sizeof r.code, "%s", head->code);
    (void)text_detail(r.detail, sizeof r.detail, line->detail, line->detail_len);
    memcpy(r.bytes, line->bytes,
            line->len < WIRE_LINE_MAX ? line->len : WIRE_LINE_MAX); /* printable, as parsed */
    memcpy(r.tag, line->bytes + line->body_len + 1, WIRE_TAG_CHARS);
    h->keep.last_ms = at->utc_us / 1000;
    (void)snprintf(h->keep.last_line, sizeof h->keep.last_line, "%s", at->line);
    h->keep.proved++;
    h->keep.repaired += verdict == WIRE_REPAIRED;
    h->bench->ops->record(h->bench->to, &r);
}

static bool
stranger(struct bench *b, const struct wire_line *line, enum wire_seen seen, const struct bench_moment *at)
{
    struct record r;

    if (seen != WIRE_SEEN_WHOLE) {
        return false;
    }
    b->unknown++;
    if (rate_allows(&b->strangers, 1, at->now_ms)) {
        record_begin(&r, RECORD_EVENT, at, line->head.host);
        r.verdict = WIRE_UNKNOWN;
        r.session = line->head.session;
        memcpy(r.nonce, line->head.nonce, sizeof r.nonce);
        r.first = line->head.number;
        r.last = line->head.number;
        describe(&r, line);
        b->ops->record(b->to, &r);
    }
    return false;
}

static void
tell_stopped(struct bench_host *h, bool over, const struct bench_moment *at)
{
    struct record r;

    record_begin(&r, RECORD_LOCAL, at, h->keep.host);
    r.severity = WIRE_CRIT;
    r.over = over;
    (void)snprintf(r.code, sizeof r.code, "belfry.stopped");
    (void)snprintf(r.detail, sizeof r.detail, "host=%s why=not-expected", h->keep.host);
    h->stop_told = !over;
    h->bench->ops->record(h->bench->to, &r);
}

/* A goodbye, or the life after one. */
static void
follow_life(struct bench_host *h, bool was_alive, const struct bench_moment *at)
{
    if (h->judge.alive) {
        h->stop_ms = 0;
        if (h->stop_told) {
            tell_stopped(h, true, at);
        }
    } else if (was_alive) {
        h->stop_ms = at->now_ms + wire_judge_patience_ms(&h->judge);
    }
}

static int64_t
stop_due(const struct bench_host *h)
{
    int64_t quiet_ms = h->judge.quiet_until_ms;

    if (h->stop_ms == 0 || h->stop_told) {
        return INT64_MAX;
    }
    return h->stop_ms > quiet_ms ? h->stop_ms : quiet_ms;
}

bool
bench_line(struct bench *b, const struct wire_line *line, enum wire_seen seen, const struct bench_moment *at)
{
    struct bench_host *h = bench_find(b, line->head.host);
    struct wire_events events;
    bool proved;
    bool was_alive;

    if (h == NULL) {
        return stranger(b, line, seen, at);
    }
    was_alive = h->judge.alive;
    proved = wire_judge_line(
            &h->judge, line, seen, at->now_ms, (uint64_t)(at->utc_us / 1000000), &events, NULL);
    h->changed = h->changed || proved;
    if (events.count == 0) {
        return proved;
    }
    switch (events.at[0].verdict) {
    case WIRE_OK:
    case WIRE_REPAIRED:
    case WIRE_LATE:
        emit_proof(h, events.at[0].verdict, line, at);
        break;
    case WIRE_DUP:
        h->keep.copies++;
        break;
    default:
        emit_doubt(h, &events.at[0], line, at);
        break;
    }
    for (unsigned i = 1; i < events.count; i++) {
        emit_event(h, &events.at[i], line, at);
    }
    follow_life(h, was_alive, at);
    return proved;
}

void
bench_torn(struct bench *b, const struct bench_moment *at)
{
    b->torn++;
    for (unsigned i = 0; i < b->hosts; i++) {
        struct bench_host *h = b->host[i];
        struct wire_events events;

        if (strcmp(h->keep.last_line, at->line) != 0) {
            continue;
        }
        wire_judge_torn(&h->judge, at->now_ms, &events);
        for (unsigned k = 0; k < events.count; k++) {
            emit_event(h, &events.at[k], NULL, at);
        }
    }
}

/* What the rate limit held back is told as a count. */
static void
settle(struct bench_host *h, const struct bench_moment *at)
{
    static const enum wire_verdict verdicts[BENCH_RATED] = {
        [BENCH_FORGED] = WIRE_FORGED,
        [BENCH_CLONE] = WIRE_CLONE,
        [BENCH_UNKNOWN] = WIRE_UNKNOWN,
    };

    for (int i = 0; i < BENCH_RATED; i++) {
        uint32_t held = rate_settle(&h->rate[i], at->now_ms);
        struct record r;

        if (held == 0) {
            continue;
        }
        record_begin(&r, RECORD_EVENT, at, h->keep.host);
        r.pairing = h->keep.pairing;
        r.verdict = verdicts[i];
        r.value = held;
        (void)snprintf(r.detail, sizeof r.detail, "more=%u seconds=60", held);
        h->bench->ops->record(h->bench->to, &r);
    }
}

void
bench_tick(struct bench *b, const struct bench_moment *at)
{
    struct wire_events events;

    for (unsigned i = 0; i < b->hosts; i++) {
        struct bench_host *h = b->host[i];
        struct bench_moment here = *at;

        here.line = h->keep.last_line;
        wire_judge_tick(&h->judge, at->now_ms, &events);
        for (unsigned k = 0; k < events.count; k++) {
            emit_event(h, &events.at[k], NULL, &here);
            h->changed = true;
        }
        if (at->now_ms >= stop_due(h)) {
            tell_stopped(h, false, &here);
        }
        settle(h, &here);
    }
    /* Told once a minute while they come; how many there were is in the status. */
    (void)rate_settle(&b->strangers, at->now_ms);
}

int64_t
bench_due(const struct bench *b)
{
    int64_t due = INT64_MAX;

    for (unsigned i = 0; i < b->hosts; i++) {
        int64_t d = wire_judge_due(&b->host[i]->judge);

        due = d < due ? d : due;
        d = stop_due(b->host[i]);
        due = d < due ? d : due;
    }
    return due;
}
