#include "belfry/notify/alerts.h"

#include "belfry/text.h"

#include <stdio.h>
#include <string.h>

#define JSON_WORST 6      /* bytes that one may take */
#define TWO_ALERTS 24576  /* bytes, at the worst */
#define TOGETHER_MS 10000 /* what is due so soon goes along */
#define BACK_OFF_MS 1000  /* after the first failure; twice as long each time */
#define BACK_OFF_MOST 5   /* doublings: 32 s */

/* ---- JSON */

struct json {
    char *at;
    size_t len;
    bool next; /* a comma is wanted */
};

static void
put(struct json *j, const char *text)
{
    size_t len = strlen(text);

    memcpy(j->at + j->len, text, len + 1);
    j->len += len;
}

/* "name":"value"; without a value it is left out, as Alertmanager would do. */
static void
pair(struct json *j, const char *name, const char *value)
{
    if (value[0] == '\0') {
        return;
    }
    put(j, j->next ? ",\"" : "\"");
    put(j, name);
    put(j, "\":");
    j->len += text_json(j->at + j->len, JSON_WORST * strlen(value) + 16, value);
    j->next = true;
}

static void
open_object(struct json *j, const char *before)
{
    put(j, before);
    j->next = false;
}

static void
put_time(struct json *j, const char *name, int64_t utc_ms)
{
    char text[TEXT_TIME];

    put(j, ",\"");
    put(j, name);
    put(j, "\":\"");
    put(j, text_time(utc_ms, text));
    put(j, "\"");
}

/* ---- one alert */

static const char *
severity_label(enum wire_severity s)
{
    return s <= WIRE_CRIT ? "critical" : s <= WIRE_WARN ? "warning" : "info";
}

/*
 * What an alarm is about stays the same while its code changes ("integrity.changed", then
 * "integrity.removed"), so the name is that of the area. Belfry's own codes are each an area of its own.
 */
static size_t
area_len(const char *code)
{
    const char *dot = strchr(code, '.');
    bool own = strncmp(code, "belfry.", 7) == 0 || strncmp(code, "line.", 5) == 0;

    return dot == NULL || own ? strlen(code) : (size_t)(dot - code);
}

/* "TocsinIntegrity", "TocsinBelfrySilent". */
static void
alert_name(const char *code, char *out, size_t size)
{
    size_t n = (size_t)snprintf(out, size, "Tocsin");
    bool upper = true;

    for (size_t i = 0; i < area_len(code) && n + 1 < size; i++) {
        char c = code[i];

        if (c == '.' || c == '-' || c == '_') {
            upper = true;
            continue;
        }
        out[n++] = upper && c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
        upper = false;
    }
    out[n] = '\0';
}

static void
put_labels(struct json *j, const struct alerts *a, const struct notice *n)
{
    char name[RECORD_CODE + 8];

    alert_name(n->alarm.code, name, sizeof name);
    open_object(j, "{\"labels\":{");
    pair(j, "alertname", name);
    pair(j, "host", n->alarm.host);
    pair(j, "subject", n->alarm.subject);
    pair(j, "severity", severity_label(n->worst));
    if (n->alarm.host[0] == '\0') {
        pair(j, "receiver", a->receiver); /* about one receiver, and not what several hear */
    }
    put(j, "}");
}

static void
put_alert(struct json *j, const struct alerts *a, const struct alerts_entry *e, int64_t utc_ms)
{
    const struct alarm *m = &e->notice.alarm;
    char text[RECORD_DETAIL + RECORD_CODE + ALERTS_RECEIVER + 8];
    char number[40] = "";

    put_labels(j, a, &e->notice);
    open_object(j, ",\"annotations\":{");
    (void)snprintf(text, sizeof text, "%s: %s%s%s", m->host[0] != '\0' ? m->host : a->receiver, m->code,
            m->detail[0] != '\0' ? " " : "", m->detail);
    pair(j, "summary", text);
    pair(j, "code", m->code);
    pair(j, "level", wire_severity_name(m->severity));
    pair(j, "line", m->line);
    pair(j, "verdict", m->verdict);
    if (m->nonce[0] != '\0') {
        (void)snprintf(number, sizeof number, "%u-%s.%u", m->session, m->nonce, m->number);
    }
    pair(j, "number", number);
    (void)snprintf(text, sizeof text, "%u", m->count);
    pair(j, "count", text);
    (void)snprintf(text, sizeof text, "%s/%lld", a->receiver, (long long)m->id);
    pair(j, "alarm", text);
    put(j, "}");
    put_time(j, "startsAt", m->opened_ms > 0 ? m->opened_ms : e->taken_ms);
    put_time(j, "endsAt", e->closed ? e->ends_ms : utc_ms + ALERTS_OPEN_MS);
    put(j, "}");
}

/* Fires always: whoever does not see it knows that belfry, or the way to him, is gone. */
static void
put_watchdog(struct json *j, const struct alerts *a, int64_t utc_ms)
{
    open_object(j, "{\"labels\":{");
    pair(j, "alertname", "TocsinWatchdog");
    pair(j, "severity", "none");
    pair(j, "receiver", a->receiver);
    open_object(j, "},\"annotations\":{");
    pair(j, "summary", "belfry is at work; it is its silence that is an alarm");
    put(j, "}");
    put_time(j, "endsAt", utc_ms + ALERTS_WATCHDOG_MS);
    put(j, "}");
}

/* ---- the table */

static struct alerts_entry *
find(struct alerts *a, const struct notice *n)
{
    for (unsigned i = 0; i < ALERTS_MAX; i++) {
        struct alerts_entry *e = &a->entry[i];

        /* What is in no ledger has no id: it is known by its code. */
        if (e->used && e->notice.alarm.id == n->alarm.id &&
                (n->alarm.id != 0 || strcmp(e->notice.alarm.code, n->alarm.code) == 0)) {
            return e;
        }
    }
    return NULL;
}

/* A free place, or that of an end that somebody has accepted. NULL for none. */
static struct alerts_entry *
room(struct alerts *a)
{
    struct alerts_entry *best = NULL;

    for (unsigned i = 0; i < ALERTS_MAX; i++) {
        struct alerts_entry *e = &a->entry[i];

        if (!e->used) {
            return e;
        }
        if (e->closed && e->task == NULL && (best == NULL || e->closed_ms < best->closed_ms)) {
            best = e;
        }
    }
    return best;
}

/* Would another instance of this alert be told, since the labels changed? */
static bool
same_labels(const struct notice *x, const struct notice *y)
{
    return strcmp(x->alarm.host, y->alarm.host) == 0 && strcmp(x->alarm.subject, y->alarm.subject) == 0 &&
           strcmp(severity_label(x->worst), severity_label(y->worst)) == 0 &&
           area_len(x->alarm.code) == area_len(y->alarm.code) &&
           memcmp(x->alarm.code, y->alarm.code, area_len(x->alarm.code)) == 0;
}

/* An alert that was not shown for as long as it takes to be paged goes on until it was. */
static void
close_entry(const struct alerts *a, struct alerts_entry *e, int64_t closed_ms, int64_t now_ms, int64_t utc_ms)
{
    int64_t left_ms = e->shown ? e->shown_ms + a->hold_ms - now_ms : a->hold_ms;

    e->closed = true;
    e->closed_ms = now_ms;
    e->over_ms = now_ms + (left_ms > 0 ? left_ms : 0);
    e->ends_ms = left_ms > 0 ? utc_ms + left_ms : closed_ms < utc_ms ? closed_ms : utc_ms;
    memset(e->closes, 0, sizeof e->closes);
}

/* Its labels are new ones: the alert with the old ones ends. */
static void
part_with_labels(struct alerts *a, const struct alerts_entry *e, int64_t now_ms, int64_t utc_ms)
{
    struct alerts_entry *old = room(a);

    if (old == NULL) {
        return; /* it ends by itself, after ALERTS_OPEN_MS */
    }
    *old = *e;
    old->task = NULL;
    old->notice.alarm.id = -1;
    old->shown = true;
    old->shown_ms = now_ms - a->hold_ms;
    old->version = ++a->versions;
    close_entry(a, old, utc_ms, now_ms, utc_ms);
    memset(old->due_ms, 0, sizeof old->due_ms);
}

/* Another alarm of the same labels is open: there is no end to tell. */
static bool
opened_again(const struct alerts *a, const struct alerts_entry *but, const struct notice *n)
{
    for (unsigned i = 0; i < ALERTS_MAX; i++) {
        const struct alerts_entry *e = &a->entry[i];

        if (e->used && !e->closed && e != but && same_labels(&e->notice, n)) {
            return true;
        }
    }
    return false;
}

static void
answered(struct alerts *a, struct alerts_entry *e, bool told, const char *why)
{
    void *task = e->task;

    e->task = NULL;
    if (task != NULL) {
        a->done(task, told, why);
    }
}

/* It is open again (as another alarm): nobody may hear of the end before. */
static void
drop_ends(struct alerts *a, const struct alerts_entry *but, const struct notice *n)
{
    for (unsigned i = 0; i < ALERTS_MAX; i++) {
        struct alerts_entry *e = &a->entry[i];

        if (e->used && e->closed && e != but && same_labels(&e->notice, n)) {
            e->used = false;
            answered(a, e, true, "");
        }
    }
}

bool
alerts_take(struct alerts *a, const struct notice *n, void *task, int64_t now_ms, int64_t utc_ms)
{
    struct alerts_entry *e = find(a, n);
    struct alerts_entry before = { .taken_ms = utc_ms };

    if (n->closed && opened_again(a, e, n)) {
        if (task != NULL) {
            a->done(task, true, "");
        }
        return true;
    }
    if (e != NULL && !same_labels(&e->notice, n) && !e->closed) {
        part_with_labels(a, e, now_ms, utc_ms);
    }
    if (e != NULL && !(e->closed && !n->closed)) {
        before = *e;
    } else if (n->closed && n->seq == 0) {
        before.shown = true; /* it ended in an earlier life: nobody is to be paged for that */
        before.shown_ms = now_ms - a->hold_ms;
    }
    if (!n->closed) {
        drop_ends(a, e, n);
    }
    e = e != NULL ? e : room(a);
    if (e == NULL) {
        return false;
    }
    memset(e, 0, sizeof *e);
    e->used = true;
    e->task = task;
    e->version = ++a->versions;
    e->taken_ms = before.taken_ms;
    e->shown = before.shown;
    e->shown_ms = before.shown_ms;
    e->notice = *n;
    if (n->closed) {
        close_entry(a, e, n->alarm.closed_ms > 0 ? n->alarm.closed_ms : utc_ms, now_ms, utc_ms);
    }
    return true;
}

/* ---- whom to tell what */

/* Nothing of it is left to be said. */
static bool
over(const struct alerts *a, const struct alerts_entry *e, int64_t now_ms)
{
    if (!e->closed || e->task != NULL) {
        return false;
    }
    for (unsigned i = 0; i < a->instances; i++) {
        if (e->closes[i] < ALERTS_CLOSED_TIMES) {
            return now_ms - e->closed_ms > ALERTS_CLOSED_MS;
        }
    }
    return true;
}

static bool
wanted(const struct alerts_entry *e, unsigned instance)
{
    return e->used && !(e->closed && e->closes[instance] >= ALERTS_CLOSED_TIMES);
}

int64_t
alerts_due(const struct alerts *a, unsigned instance)
{
    const struct alerts_instance *in = &a->instance[instance];
    int64_t due = in->watchdog_ms;

    if (in->in_flight) {
        return INT64_MAX;
    }
    for (unsigned i = 0; i < ALERTS_MAX; i++) {
        if (wanted(&a->entry[i], instance) && a->entry[i].due_ms[instance] < due) {
            due = a->entry[i].due_ms[instance];
        }
    }
    return due > in->again_ms ? due : in->again_ms;
}

static void
begin_alert(struct json *j, struct alerts_batch *b)
{
    put(j, b->count > 0 || b->watchdog ? "," : "[");
}

unsigned
alerts_batch(struct alerts *a, unsigned instance, int64_t now_ms, int64_t utc_ms, struct alerts_batch *out)
{
    struct alerts_instance *in = &a->instance[instance];
    struct json j = { .at = out->body };
    unsigned most = in->singles > 0 ? 1 : ALERTS_BATCH;

    out->count = 0;
    out->watchdog = false;
    out->made_ms = now_ms;
    out->len = 0;
    if (alerts_due(a, instance) > now_ms) {
        return 0;
    }
    /* Newest versions that nobody has first: those are news. */
    for (unsigned pass = 0; pass < 2; pass++) {
        for (unsigned i = 0; i < ALERTS_MAX && out->count < most && j.len < ALERTS_BODY - TWO_ALERTS; i++) {
            const struct alerts_entry *e = &a->entry[i];
            bool news = e->sent[instance] != e->version;

            if (!wanted(e, instance) || e->due_ms[instance] > now_ms + (e->closed ? 0 : TOGETHER_MS) ||
                    news != (pass == 0)) {
                continue;
            }
            begin_alert(&j, out);
            put_alert(&j, a, e, utc_ms);
            out->entry[out->count] = (uint16_t)i;
            out->version[out->count++] = e->version;
        }
    }
    if (in->watchdog_ms <= now_ms + TOGETHER_MS && (most > 1 || out->count == 0)) {
        begin_alert(&j, out);
        put_watchdog(&j, a, utc_ms);
        out->watchdog = true;
    }
    if (out->count == 0 && !out->watchdog) {
        return 0;
    }
    put(&j, "]");
    out->len = j.len;
    in->in_flight = true;
    return out->count + out->watchdog;
}

/* The instance has it, or has refused it for good. */
static void
settled(struct alerts *a, unsigned instance, const struct alerts_batch *b, bool told, const char *why,
        int64_t now_ms)
{
    for (unsigned i = 0; i < b->count; i++) {
        struct alerts_entry *e = &a->entry[b->entry[i]];

        if (!e->used || e->version != b->version[i]) {
            continue; /* news came meanwhile: that is still to be told */
        }
        e->sent[instance] = e->version;
        e->due_ms[instance] = now_ms + ALERTS_AGAIN_MS;
        if (e->closed && b->made_ms < e->over_ms) {
            e->due_ms[instance] = e->over_ms;
        } else if (e->closed) {
            e->closes[instance]++;
        }
        if (told && !e->closed && !e->shown) {
            e->shown = true;
            e->shown_ms = now_ms;
        }
        answered(a, e, told, why);
        if (over(a, e, now_ms)) {
            e->used = false;
        }
    }
    if (b->watchdog) {
        a->instance[instance].watchdog_ms = now_ms + ALERTS_AGAIN_MS;
    }
}

void
alerts_answer(struct alerts *a, unsigned instance, const struct alerts_batch *b, enum alerts_result result,
        const char *why, int64_t now_ms)
{
    struct alerts_instance *in = &a->instance[instance];
    bool several = b->count + b->watchdog > 1;

    in->in_flight = false;
    if (result == ALERTS_FAILED) {
        in->again_ms =
                now_ms + (BACK_OFF_MS << (in->failures < BACK_OFF_MOST ? in->failures : BACK_OFF_MOST));
        in->failures++;
        return;
    }
    in->failures = 0;
    in->again_ms = 0;
    if (result == ALERTS_REFUSED && several) {
        in->singles = b->count + b->watchdog;
        return;
    }
    in->singles -= in->singles > 0;
    settled(a, instance, b, result == ALERTS_ACCEPTED, why, now_ms);
}

bool
alerts_busy(const struct alerts *a)
{
    for (unsigned i = 0; i < ALERTS_MAX; i++) {
        if (a->entry[i].used && a->entry[i].task != NULL) {
            return true;
        }
    }
    return false;
}
