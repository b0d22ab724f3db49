#include "belfry/judge/bench.h"

#include "belfry/pages.h"
#include "belfry/text.h"
#include "wire/escape.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define MINUTE_MS 60000

_Static_assert(offsetof(struct bench_host, judge.hole) <= PAGES_SIZE, "a host without holes is one page");

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
        pages_give(b->host[i], sizeof *b->host[i]);
    }
    b->hosts = 0;
}

struct bench_host *
bench_find(struct bench *b, const char *host)
{
    for (unsigned i = 0; i < b->hosts; i++) {
        if (strcmp(b->name[i], host) == 0) {
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
        .rekeyed = host->rekeyed,
        .next_root = host->next_root,
        .rekey = host->rekey,
        .next_s = host->next_s,
        .alive = host->alive,
        .now_ms = now_ms,
    };

    if (h != NULL && h->keep.pairing == host->pairing) {
        h->listed = true;
        return NULL;
    }
    if (h == NULL) {
        h = b->hosts < BENCH_HOSTS ? pages_take(sizeof *h) : NULL;
        if (h == NULL) {
            return NULL;
        }
        memcpy(b->name[b->hosts], host->host, sizeof b->name[0]);
        b->host[b->hosts++] = h;
    }
    h->bench = b;
    h->keep = *host;
    h->changed = false;
    h->listed = true;
    h->rekey = BENCH_REKEY_NONE;
    h->rekey_ms = 0;
    h->stop_told = false;
    h->net_nonce[0] = '\0';
    h->cut_told = false;
    h->cut_often = false;
    h->cut_ms = 0;
    h->token_told = false;
    h->net_changed = false;
    memset(&h->net, 0, sizeof h->net);
    paths_init(&h->paths, now_ms);
    memcpy(start.passed, host->passed, sizeof start.passed);
    wire_judge_init(&h->judge, &start, &judge_ops, h);
    /* It had said goodbye when we were last here: from now on it is given the usual time. */
    b->due_ms = 0;
    h->stop_ms = !host->alive && host->root_session > 0 ? now_ms + wire_judge_patience_ms(&h->judge) : 0;
    wire_wipe(&start, sizeof start);
    wire_wipe(&h->keep.root, sizeof h->keep.root); /* the judge has them */
    wire_wipe(&h->keep.next_root, sizeof h->keep.next_root);
    wire_wipe(h->keep.passed, sizeof h->keep.passed);
    wire_wipe(&h->keep.rekey, sizeof h->keep.rekey);
    return h;
}

void
bench_resume_path(struct bench_host *h, const struct path_record *path, int64_t now_ms)
{
    paths_resume(&h->paths, path, now_ms);
}

void
bench_saved(struct bench_host *h)
{
    h->changed = false;
    h->net_changed = false;
    if (h->rekey == BENCH_REKEY_BEGUN) {
        h->rekey = BENCH_REKEY_SAVED;
    }
    for (unsigned i = 0; i < h->paths.count; i++) {
        h->paths.at[i].changed = false;
    }
}

void
bench_forget_path(struct bench *b, const char *path)
{
    for (unsigned i = 0; i < b->hosts; i++) {
        paths_forget(&b->host[i]->paths, path);
    }
    b->due_ms = 0;
}

void
bench_expect(struct bench_host *h, int64_t until_ms)
{
    h->judge.quiet_until_ms = until_ms;
    h->bench->due_ms = 0;
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
            memcpy(b->name[kept], h->keep.host, sizeof b->name[0]);
            b->host[kept++] = h;
        } else {
            pages_give(h, sizeof *h);
        }
    }
    b->hosts = kept;
}

void
bench_resume(struct bench_host *h, const struct wire_judge_session *session, const struct wire_hole *hole,
        int64_t utc_ahead_ms)
{
    struct wire_hole ours[WIRE_JUDGE_HOLES];

    for (unsigned i = 0; i < session->holes && i < WIRE_JUDGE_HOLES; i++) {
        ours[i] = hole[i];
        ours[i].since_ms -= utc_ahead_ms;
    }
    wire_judge_resume(&h->judge, session, ours);
    h->bench->due_ms = 0;
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

/* Something of belfry's own about this host, or its end. The first detail is the subject. */
static void
tell_local(struct bench_host *h, const char *code, enum wire_severity severity, bool over,
        const struct bench_moment *at, const char *detail)
{
    struct record r;

    record_begin(&r, RECORD_LOCAL, at, h->keep.host);
    r.severity = severity;
    r.over = over;
    (void)snprintf(r.code, sizeof r.code, "%s", code);
    (void)snprintf(r.detail, sizeof r.detail, "%s", detail);
    h->bench->ops->record(h->bench->to, &r);
}

static void
tell_stopped(struct bench_host *h, bool over, const struct bench_moment *at)
{
    char detail[RECORD_DETAIL];

    h->stop_told = !over;
    (void)snprintf(detail, sizeof detail, "host=%s why=not-expected", h->keep.host);
    tell_local(h, "belfry.stopped", WIRE_CRIT, over, at, detail);
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
earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
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

/* ---- paths */

static const struct wire_judge_session *
newest_session(const struct bench_host *h)
{
    for (unsigned i = 0; i < WIRE_JUDGE_SESSIONS; i++) {
        const struct wire_judge_session *s = &h->judge.session[i];

        if (s->used && s->number == h->judge.newest) {
            return s;
        }
    }
    return NULL;
}

void
bench_path_up(
        struct bench *b, const char *host, const char *peer, const char *token, const struct bench_moment *at)
{
    struct bench_host *h = bench_find(b, host);
    struct connection_record *net = h != NULL ? &h->net : NULL;

    if (net == NULL) {
        return;
    }
    net->up = true;
    net->since_ms = at->utc_us / 1000;
    net->how[0] = '\0';
    wire_escape(net->peer, sizeof net->peer, peer, strlen(peer), WIRE_ESCAPE_VALUE);
    memmove(net->token[1], net->token[0], sizeof net->token - sizeof net->token[0]);
    (void)snprintf(net->token[0], sizeof net->token[0], "%s", token);
    h->vouched = false;
    h->net_ms = at->now_ms;
    h->net_nonce[0] = '\0';
    h->net_changed = true;
}

void
bench_path_hello(struct bench *b, const struct wire_talk *hello)
{
    struct bench_host *h = bench_find(b, hello->host);

    if (h != NULL) {
        h->net_session = hello->session;
        memcpy(h->net_nonce, hello->nonce, sizeof h->net_nonce);
    }
}

/*
 * Has who held the connection said agent.stop? The end of a connection may be slower than what the next
 * session says on another path, and an agent may be killed before its first line is here.
 */
static bool
said_goodbye(const struct bench_host *h)
{
    const struct wire_judge_session *newest = newest_session(h);

    if (h->net_nonce[0] == '\0') {
        return newest != NULL && newest->ended;
    }
    for (unsigned i = 0; i < WIRE_JUDGE_SESSIONS; i++) {
        const struct wire_judge_session *s = &h->judge.session[i];

        if (s->used && s->number == h->net_session && strcmp(s->nonce, h->net_nonce) == 0) {
            return s->ended;
        }
    }
    return false;
}

/* The first is told at once, and of a connection that comes and goes one alarm stands. */
static void
tell_cut(struct bench_host *h, const char *how, const struct bench_moment *at)
{
    char detail[RECORD_DETAIL];

    h->cut_often = h->cut_ms != 0 && at->now_ms - h->cut_ms < MINUTE_MS;
    h->cut_ms = at->now_ms;
    if (!h->cut_told) {
        h->cut_told = true;
        (void)snprintf(detail, sizeof detail, "host=%s how=%s peer=%s", h->keep.host, how, h->net.peer);
        tell_local(h, "belfry.cut", WIRE_CRIT, false, at, detail);
    }
}

/* A line has come on the connection that shows it alive. */
static void
end_cut(struct bench_host *h, const struct bench_moment *at)
{
    char detail[RECORD_DETAIL];

    if (h->cut_told && (!h->cut_often || at->now_ms - h->net_ms >= BENCH_LASTED_MS)) {
        h->cut_told = false;
        (void)snprintf(detail, sizeof detail, "host=%s", h->keep.host);
        tell_local(h, "belfry.cut", WIRE_CRIT, true, at, detail);
    }
}

void
bench_path_down(struct bench *b, const char *host, const char *how, const struct bench_moment *at)
{
    struct bench_host *h = bench_find(b, host);

    if (h == NULL || !h->net.up) {
        return;
    }
    h->net.up = false;
    h->net.since_ms = at->utc_us / 1000;
    (void)snprintf(h->net.how, sizeof h->net.how, "%s", how != NULL ? how : "");
    h->net_changed = true;
    if (how != NULL && !said_goodbye(h) && at->now_ms >= h->judge.quiet_until_ms) {
        tell_cut(h, how, at);
    }
}

static bool
token_given(const struct connection_record *net, const char *token, size_t len)
{
    for (unsigned i = 0; i < CONNECTION_TOKENS; i++) {
        if (len == WIRE_TALK_TOKEN_CHARS && memcmp(net->token[i], token, len) == 0) {
            return true;
        }
    }
    return false;
}

/*
 * ch= of a beat that came elsewhere than on the network: who seals holds the connection as well. A beat may
 * have waited while connections came and went, so a wrong one counts when the connection is older than that.
 */
static void
take_token(
        struct bench_host *h, struct path *path, const struct wire_line *line, const struct bench_moment *at)
{
    size_t len = 0;
    const char *token = wire_detail_find(line->detail, line->detail_len, "ch", &len);
    bool settled = h->net.up && at->now_ms - h->net_ms > wire_judge_patience_ms(&h->judge);
    char detail[RECORD_DETAIL];
    bool given;

    if (token == NULL || strcmp(line->head.code, "agent.beat") != 0 ||
            strcmp(path->keep.path, PATH_NET) == 0) {
        return;
    }
    given = token_given(&h->net, token, len);
    if (given && memcmp(path->keep.token, token, len) != 0) {
        memcpy(path->keep.token, token, len);
        path->keep.token_ms = at->utc_us / 1000;
    }
    if (given ? h->token_told : !h->token_told && settled) {
        h->token_told = !given;
        (void)snprintf(detail, sizeof detail, "why=token path=%s ch=%.*s", path->keep.path, (int)len, token);
        tell_local(h, "belfry.path", WIRE_WARN, given, at, detail);
    }
}

static void
follow_path(
        struct bench_host *h, const struct wire_line *line, bool first_heard, const struct bench_moment *at)
{
    const struct wire_judge_session *s = newest_session(h);
    struct paths_line heard = {
        .path = at->line,
        .head = &line->head,
        .first_heard = first_heard,
        .patience_ms = wire_judge_patience_ms(&h->judge),
        .now_ms = at->now_ms,
        .utc_ms = at->utc_us / 1000,
    };
    struct path *path;
    char detail[RECORD_DETAIL];
    bool back;

    if (s == NULL || line->head.session != s->number ||
            (s->has_reserve && line->head.number >= s->reserve_first &&
                    line->head.number <= s->reserve_last)) {
        return; /* last words are sealed in advance: no sign of life */
    }
    path = paths_heard(&h->paths, &heard, &back);
    if (path == NULL) {
        return;
    }
    if (back) {
        (void)snprintf(detail, sizeof detail, "path=%s why=quiet", path->keep.path);
        tell_local(h, "belfry.path", WIRE_WARN, true, at, detail);
    }
    if (strcmp(path->keep.path, PATH_NET) == 0) {
        end_cut(h, at);
    }
    take_token(h, path, line, at);
}

static void
tell_quiet_paths(struct bench_host *h, const struct bench_moment *at)
{
    char detail[RECORD_DETAIL];
    struct path *path;

    if (h->judge.silent_told) {
        paths_rest(&h->paths, at->now_ms);
    }
    if (at->now_ms < h->judge.quiet_until_ms) {
        return;
    }
    while ((path = paths_quiet(&h->paths, wire_judge_patience_ms(&h->judge))) != NULL) {
        h->changed = true;
        (void)snprintf(detail, sizeof detail, "path=%s why=quiet seconds=%lld", path->keep.path,
                (long long)(at->now_ms - path->life_ms) / 1000);
        tell_local(h, "belfry.path", WIRE_WARN, false, at, detail);
    }
}

/* ---- one line */

static int64_t
host_due(const struct bench_host *h)
{
    return earlier(wire_judge_due(&h->judge), stop_due(h));
}

/* Whoever seals holds this connection: no other beat can say its token. */
static void
vouch(struct bench_host *h, const struct wire_line *line)
{
    size_t len;
    const char *token = wire_detail_find(line->detail, line->detail_len, "ch", &len);

    if (token != NULL && h->net.up && strcmp(line->head.code, "agent.beat") == 0 &&
            len == WIRE_TALK_TOKEN_CHARS && memcmp(h->net.token[0], token, len) == 0) {
        h->vouched = true;
    }
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
    if (proved && events.at[0].verdict != WIRE_CLONE) {
        vouch(h, line);
        follow_path(h, line, events.at[0].verdict != WIRE_DUP, at);
    }
    b->due_ms = earlier(b->due_ms, host_due(h));
    return proved;
}

static bool
followed(const struct bench_host *h, const struct wire_head *head)
{
    for (unsigned i = 0; i < WIRE_JUDGE_SESSIONS; i++) {
        const struct wire_judge_session *s = &h->judge.session[i];

        if (s->used && s->number == head->session && strcmp(s->nonce, head->nonce) == 0) {
            return true;
        }
    }
    return false;
}

bool
bench_passed_over(struct bench *b, const struct wire_line *line)
{
    struct bench_host *h = bench_find(b, line->head.host);
    struct wire_key key = { 0 };

    if (h == NULL || line->head.session >= h->judge.root_session || followed(h, &line->head)) {
        return false;
    }
    bool on_record = judge_key_of(h, line->head.session, line->head.nonce, &key);
    wire_wipe(&key, sizeof key);
    return !on_record;
}

void
bench_torn(struct bench *b, const struct bench_moment *at)
{
    b->torn++;
    for (unsigned i = 0; i < b->hosts; i++) {
        struct bench_host *h = b->host[i];
        struct wire_events events;

        if (paths_find(&h->paths, at->line) == NULL) {
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

    if (at->now_ms < b->due_ms && at->now_ms - b->ticked_ms < BENCH_TICK_MS) {
        return;
    }
    b->ticked_ms = at->now_ms;
    b->due_ms = INT64_MAX;
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
        tell_quiet_paths(h, &here);
        settle(h, &here);
        b->due_ms = earlier(b->due_ms, host_due(h));
    }
    /* Told once a minute while they come; how many there were is in the status. */
    (void)rate_settle(&b->strangers, at->now_ms);
}

int64_t
bench_due(const struct bench *b)
{
    return b->due_ms;
}
