#include "belfry/run.h"

#include "belfry/clock.h"
#include "belfry/events.h"
#include "belfry/ledger/rules.h"
#include "wire/escape.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- what the bench asks */

static void
bench_record(void *to, const struct record *r)
{
    commit_record(to, r);
}

/* What is judged and not yet committed counts as recorded. */
static const struct record *
queued_line(const struct run *run, const char *host, uint32_t pairing, uint32_t session, const char *nonce,
        uint32_t number)
{
    for (unsigned i = 0; i < run->queued; i++) {
        const struct record *r = &run->queue[i];

        if (r->kind == RECORD_LINE && r->first == number && r->session == session && r->pairing == pairing &&
                strcmp(r->nonce, nonce) == 0 && strcmp(r->host, host) == 0) {
            return r;
        }
    }
    return NULL;
}

static bool
bench_tag_of(void *to, const char *host, uint32_t pairing, uint32_t session, const char *nonce,
        uint32_t number, char tag[WIRE_TAG_CHARS])
{
    struct run *run = to;
    const struct record *r = queued_line(run, host, pairing, session, nonce, number);

    if (r != NULL) {
        memcpy(tag, r->tag, WIRE_TAG_CHARS);
        return true;
    }
    return ledger_tag_of(run->ledger, host, pairing, session, nonce, number, tag);
}

static bool
bench_key_of(void *to, const char *host, uint32_t pairing, uint32_t session, const char *nonce,
        struct wire_key *key)
{
    struct run *run = to;

    return ledger_key_of(run->ledger, host, pairing, session, nonce, key);
}

static const struct bench_ops bench_ops = {
    .record = bench_record,
    .tag_of = bench_tag_of,
    .key_of = bench_key_of,
};

void
intake_init(struct run *run)
{
    bench_init(&run->bench, &bench_ops, run);
}

/* ---- hosts */

struct taking {
    struct run *run;
    struct bench_host *host;
};

static void
take_session(void *to, const struct wire_judge_session *session, const struct wire_hole *hole)
{
    struct taking *t = to;

    bench_resume(t->host, session, hole, t->run->utc_us / 1000 - t->run->now_ms);
}

/* What is configured no more is not waited for. */
static void
take_path(void *to, const struct path_record *path)
{
    struct taking *t = to;
    bool there = t->run->conf->listens > 0 && strcmp(path->path, PATH_NET) == 0;

    for (unsigned i = 0; i < t->run->conf->lines; i++) {
        there = there || strcmp(path->path, t->run->conf->line[i].name) == 0;
    }
    if (there) {
        bench_resume_path(t->host, path, t->run->now_ms);
    }
}

/* What an earlier life knew of it. */
static void
take_past(struct taking *t, const struct host_record *host)
{
    struct bench_host *h = t->host;
    struct ledger *l = t->run->ledger;
    char subject[WIRE_HOST_MAX + 8];

    (void)snprintf(subject, sizeof subject, "host=%s", host->host);
    h->stop_told = ledger_standing(l, host->host, "belfry.stopped", subject);
    h->cut_told = ledger_standing(l, host->host, "belfry.cut", subject);
    h->token_told = ledger_standing(l, host->host, "belfry.path", "why=token");
    (void)ledger_sessions(l, host->host, host->pairing, WIRE_JUDGE_SESSIONS, take_session, t);
    (void)ledger_paths(l, host->host, host->pairing, take_path, t);
    if (ledger_connection(l, host->host, host->pairing, &h->net) == 0 && h->net.up) {
        h->net.up = false; /* it ended with us */
        h->net_changed = true;
    }
}

static void
take_host(void *to, const struct host_record *host)
{
    struct taking *t = to;

    t->host = bench_take(&t->run->bench, host, t->run->now_ms);
    if (t->host != NULL) {
        take_past(t, host);
    }
    struct bench_host *h = bench_find(&t->run->bench, host->host);
    if (h != NULL) {
        bench_expect(h, host->expect_until_ms - t->run->utc_us / 1000 + t->run->now_ms);
    }
}

void
intake_hosts(struct run *run)
{
    int64_t version = ledger_data_version(run->ledger);
    struct taking t = { .run = run };

    if (version == run->data_version) {
        return;
    }
    bench_list_begin(&run->bench);
    if (ledger_hosts(run->ledger, run->utc_us / 1000, take_host, &t) == 0) {
        bench_list_end(&run->bench);
        run->data_version = version;
        run->page.changed = true;
        run->tell_ms = 0; /* another process may have closed an alarm */
    }
}

/* ---- what the stream finds */

static struct bench_moment
moment(const struct run_line *rl)
{
    return (struct bench_moment){
        .line = rl->line.conf->name,
        .now_ms = rl->run->now_ms,
        .utc_us = rl->run->utc_us,
    };
}

/* Judged in an earlier life: only the answer of then is wanted, so that the stream's memory becomes what it
 * was. */
static bool
proved_before(struct run *run, const struct wire_line *line)
{
    struct bench_host *h = bench_find(&run->bench, line->head.host);
    char tag[WIRE_TAG_CHARS];

    return h != NULL &&
           bench_tag_of(run, h->keep.host, h->keep.pairing, line->head.session, line->head.nonce,
                   line->head.number, tag) &&
           memcmp(tag, line->bytes + line->body_len + 1, WIRE_TAG_CHARS) == 0;
}

static bool
on_candidate(void *to, const struct wire_line *line, enum wire_seen seen)
{
    struct run_line *rl = to;
    struct bench_moment at = moment(rl);

    if (!rl->run->hosts_looked) {
        intake_hosts(rl->run); /* somebody may have been paired a moment ago */
        rl->run->hosts_looked = true;
    }
    if (rl->line.replay) {
        return proved_before(rl->run, line);
    }
    rl->run->unsaved = true; /* a copy changes a counter */
    return bench_line(&rl->run->bench, line, seen, &at);
}

static void
on_torn(void *to, const char *text, size_t len)
{
    struct run_line *rl = to;
    struct bench_moment at = moment(rl);

    (void)text;
    (void)len;
    if (!rl->line.replay) {
        bench_torn(&rl->run->bench, &at);
    }
}

static void
tell_notice(struct run_line *rl, const char *name, enum wire_severity severity, const char *more)
{
    struct record r;

    memset(&r, 0, sizeof r);
    r.kind = RECORD_NOTICE;
    r.seen_us = rl->run->utc_us;
    r.severity = severity;
    (void)snprintf(r.line, sizeof r.line, "%s", rl->line.conf->name);
    (void)snprintf(r.code, sizeof r.code, RULE_NOTICE "%s", name);
    (void)snprintf(r.detail, sizeof r.detail, "line=%s %s", rl->line.conf->name, more);
    commit_record(rl->run, &r);
}

/* Console text is in the transcript already. It raises what nothing proves, if somebody wanted it looked at.
 */
static void
on_text(void *to, const char *text, size_t len)
{
    struct run_line *rl = to;
    struct notice_found found;
    char shown[NOTICE_SHOWN];
    char more[NOTICE_SHOWN + 8];

    if (rl->notices == NULL || rl->line.replay ||
            !notice_look(rl->notices, &rl->notice_watch, text, len, rl->run->now_ms, &found)) {
        return;
    }
    (void)wire_escape(shown, sizeof shown, text, len, WIRE_ESCAPE_VALUE);
    (void)snprintf(more, sizeof more, "text=%s", shown);
    tell_notice(rl, found.rule, found.severity, more);
}

void
intake_notices(struct run_line *rl)
{
    uint32_t more;
    uint32_t unseen;
    char text[80];

    if (rl->notices != NULL && notice_minute(&rl->notice_watch, rl->run->now_ms, &more, &unseen)) {
        (void)snprintf(text, sizeof text, "more=%u unseen=%u", more, unseen);
        tell_notice(rl, "more", WIRE_NOTE, text);
    }
}

static const struct wire_stream_ops stream_ops = {
    .candidate = on_candidate,
    .torn = on_torn,
    .text = on_text,
};

/* ---- lines */

void
intake_tell(struct run_line *rl, const char *code, enum wire_severity severity, bool over, const char *detail)
{
    struct record r;

    memset(&r, 0, sizeof r);
    r.kind = RECORD_LOCAL;
    r.seen_us = rl->run->utc_us;
    r.severity = severity;
    r.over = over;
    (void)snprintf(r.line, sizeof r.line, "%s", rl->line.conf->name);
    (void)snprintf(r.code, sizeof r.code, "%s", code);
    (void)snprintf(r.detail, sizeof r.detail, "line=%s %s", rl->line.conf->name, detail);
    commit_record(rl->run, &r);
}

static const char *
error_name(int error)
{
    const char *name = strerrorname_np(error);

    return name != NULL ? name : "unknown";
}

static void
line_changed(struct run_line *rl, enum line_change change)
{
    struct run *run = rl->run;
    const struct line *l = &rl->line;
    char text[EVENTS_TEXT];
    char detail[CONF_PATH];

    if (change == LINE_SAME) {
        return;
    }
    if (change == LINE_CAME) {
        (void)snprintf(
                detail, sizeof detail, "%s", l->conf->kind == CONF_PTY ? l->is.pty.name : l->conf->path);
    } else {
        (void)snprintf(detail, sizeof detail, "kind=%s error=%s%s%s", l->ops->kind, error_name(l->error),
                l->why[0] != '\0' ? " why=" : "", l->why);
    }
    if (run->events) {
        (void)out_put(
                &run->out, text, events_line(text, run->utc_us, l->conf->name, change == LINE_CAME, detail));
    }
    if (change == LINE_WENT || rl->lost_told) {
        rl->lost_told = change == LINE_WENT;
        intake_tell(rl, "line.lost", WIRE_ERRO, change == LINE_CAME, change == LINE_CAME ? "" : detail);
    }
}

static void
turn_transcript(struct run_line *rl)
{
    if (transcript_turn(&rl->line.transcript, rl->run->utc_us / 1000, rl->run->now_ms)) {
        keeper_wake(&rl->run->keeper);
    }
}

void
intake_mend(struct run_line *rl)
{
    enum line_change change = line_mend(&rl->line);
    char detail[CONF_PATH];

    incident_tick(rl);
    transcript_settle(&rl->line.transcript, rl->run->now_ms);
    turn_transcript(rl);
    attach_tick(rl);
    if (change == LINE_SAME) {
        change = rl->link_told && rl->line.up && !rl->line.bent ? LINE_MENDED : LINE_SAME;
    }
    if (change == LINE_SAME) {
        return;
    }
    if (change == LINE_BENT || !rl->link_told) {
        bool put_back = change == LINE_MENDED;

        (void)snprintf(detail, sizeof detail, "state=%s%s%s",
                put_back                  ? "put-back"
                : rl->line.why[0] != '\0' ? rl->line.why
                                          : "elsewhere",
                put_back ? "" : " error=", put_back ? "" : error_name(rl->line.error));
        intake_tell(rl, "line.link", WIRE_ERRO, false, detail);
    }
    rl->link_told = change == LINE_BENT;
    if (!rl->link_told) {
        intake_tell(rl, "line.link", WIRE_ERRO, true, "");
    }
}

int
intake_prepare(struct run_line *rl)
{
    struct line *l = &rl->line;
    struct run *run = rl->run;
    struct ledger_source source;
    char subject[CONF_NAME + 8];
    int error;

    wire_stream_init(&l->stream, &stream_ops, rl);
    rl->notices = notice_set(run->notices, l->conf->options.rules);
    rl->notice_watch = (struct notice_watch){ .minute_ms = run->now_ms };
    error = transcript_open(&l->transcript, &run->transcripts, l->conf->name);
    if (error != 0) {
        return error;
    }
    l->transcript.owner = rl;
    l->transcript.rotate_size =
            l->conf->options.rotate_size > 0 ? l->conf->options.rotate_size : TRANSCRIPT_ROTATE_SIZE;
    l->transcript.rotate_age_ms = INT64_C(1000) * l->conf->options.rotate_age_s;
    l->transcript.direct = l->conf->kind == CONF_FILE; /* its place is on record only with its bytes */
    (void)snprintf(subject, sizeof subject, "line=%s", l->conf->name);
    rl->lost_told = ledger_standing(run->ledger, "", "line.lost", subject);
    rl->link_told = ledger_standing(run->ledger, "", "line.link", subject);
    rl->log_told = ledger_standing(run->ledger, "", "line.log", subject);
    incident_prepare(rl);
    if (l->conf->kind == CONF_FILE && ledger_source(run->ledger, l->conf->name, &source) == 0 &&
            strcmp(source.path, l->conf->path) == 0) {
        struct line_place place = {
            .dev = source.dev,
            .ino = source.ino,
            .offset = source.offset,
            .back = source.back,
            .print = source.print,
            .print_len = source.print_len,
        };

        line_file_resume(l, &place);
        /* The transcript may have got further than the ledger before we were killed. */
        if (transcript_end(&l->transcript) > source.raw) {
            l->transcript.skip = transcript_end(&l->transcript) - source.raw;
        }
    }
    return 0;
}

static void
transcript_changed(struct run_line *rl, enum transcript_change change)
{
    const struct transcript *t = &rl->line.transcript;
    char detail[80];

    switch (change) {
    case TRANSCRIPT_FAILED:
        rl->log_told = true;
        (void)snprintf(detail, sizeof detail, "error=%s", error_name(t->error));
        intake_tell(rl, "line.log", WIRE_ERRO, false, detail);
        return;
    case TRANSCRIPT_RESUMED:
        break;
    case TRANSCRIPT_SAME:
        if (!rl->log_told || t->error != 0) {
            return;
        }
        break; /* an earlier life failed, and this one writes */
    }
    rl->log_told = false;
    (void)snprintf(detail, sizeof detail, "lost=%llu", (unsigned long long)t->lost_all);
    intake_tell(rl, "line.log", WIRE_ERRO, true, detail);
}

void
intake_write(struct run *run)
{
    struct transcript *t;

    run->transcripts.reserved = run->reserve.held ? 0 : run->reserve.size;
    transcripts_look(&run->transcripts, run->now_ms);
    while ((t = transcripts_due(&run->transcripts, run->now_ms)) != NULL) {
        transcript_changed(t->owner, transcript_flush(t, run->now_ms));
    }
}

static void
take_slice(struct run_line *rl, const uint8_t *slice, size_t n)
{
    struct line *l = &rl->line;
    struct run *run = rl->run;
    unsigned queued = run->queued;

    if (!l->replay) {
        transcript_changed(rl, transcript_append(&l->transcript, slice, n, run->utc_us, run->now_ms));
        l->bytes += n;
        l->last_utc_ms = run->utc_us / 1000;
        run->unsaved = run->unsaved || l->conf->kind == CONF_FILE;
    }
    run->hosts_looked = false;
    wire_stream_feed(&l->stream, slice, n);
    if (run->queued != queued) {
        /* Before its records are committed: a transcript is never behind the ledger. */
        transcript_changed(rl, transcript_flush(&l->transcript, run->now_ms));
    }
    turn_transcript(rl);
    rl->fed_ms = run->now_ms;
    rl->unsettled = true;
}

size_t
intake_serve(struct run_line *rl)
{
    static uint8_t slice[LINE_SLICE];
    struct line *l = &rl->line;
    struct run *run = rl->run;
    enum line_change change;
    size_t n = 0;

    if (!l->up) {
        change = line_open_if_due(l, run->now_ms);
        line_changed(rl, change);
        if (change == LINE_CAME && l->conf->kind == CONF_FILE) {
            /* Where file and transcript stand has to be on record before the first byte goes into the latter.
             */
            (void)commit_now(run);
        }
        return 0;
    }
    change = line_read(l, slice, true, run->now_ms, &n);
    if (n > 0) {
        take_slice(rl, slice, n);
    }
    incident_take(rl, n);
    line_changed(rl, change);
    return l->more ? LINE_SLICE : n;
}
