#include "belfry/nats/message.h"

#include "belfry/nats/fields.h"
#include "wire/base32.h"
#include "wire/hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FORM "tocsin1"
#define ID_HASH 16 /* characters, 80 bits */

static const char *const kinds[MESSAGE_KINDS] = {
    [MESSAGE_LINE] = "line",
    [MESSAGE_EVENT] = "event",
    [MESSAGE_ALARM] = "alarm",
    [MESSAGE_STATE] = "state",
};

static void
put_lines(struct fields_out *w, uint32_t session, const char *nonce, uint32_t first, uint32_t last)
{
    char text[64] = "";

    if (nonce[0] != '\0') {
        (void)snprintf(text, sizeof text, "%" PRIu32 "-%s.%" PRIu32 "-%" PRIu32, session, nonce, first, last);
    }
    fields_put(w, text);
}

static void
put_record(struct fields_out *w, const struct record *r)
{
    fields_put(w, record_verdict(r));
    fields_put(w, r->line);
    fields_put(w, r->host);
    fields_put(w, wire_severity_name(r->severity));
    fields_put(w, r->code);
    put_lines(w, r->session, r->nonce, r->first, r->last);
    fields_put(w, r->over ? "over" : "on");
    fields_put(w, r->detail);
    if (r->kind == RECORD_LINE) {
        fields_put(w, r->bytes);
    }
}

static void
put_alarm(struct fields_out *w, const struct alarm *a)
{
    fields_put_number(w, a->id > 0 ? (uint64_t)a->id : 0);
    fields_put(w, a->open ? "open" : "closed");
    fields_put(w, wire_severity_name(a->severity));
    fields_put(w, a->host);
    fields_put(w, a->code);
    fields_put(w, a->subject);
    put_lines(w, a->session, a->nonce, a->number, a->number);
    fields_put_number(w, a->count);
    fields_put_time(w, a->opened_ms);
    fields_put_time(w, a->closed_ms);
    fields_put(w, a->line);
    fields_put(w, a->verdict);
    fields_put(w, a->detail);
}

static void
put_state(struct fields_out *w, const struct message_state *s)
{
    fields_put(w, s->version);
    fields_put_number(w, s->published);
}

size_t
message_compose(const struct message *m, char out[MESSAGE_MAX])
{
    struct fields_out w = { .at = out, .size = MESSAGE_MAX };

    fields_put(&w, FORM);
    fields_put(&w, kinds[m->kind]);
    fields_put_number(&w, m->row);
    fields_put_time(&w, m->utc_ms);
    switch (m->kind) {
    case MESSAGE_ALARM:
        put_alarm(&w, &m->alarm);
        break;
    case MESSAGE_STATE:
        put_state(&w, &m->state);
        break;
    default:
        put_record(&w, &m->record);
    }
    return w.bad ? 0 : w.len;
}

static void
take_host(struct fields_in *r, char out[WIRE_HOST_MAX + 1])
{
    fields_text(r, out, WIRE_HOST_MAX + 1);
    r->bad = r->bad || (out[0] != '\0' && !wire_host_valid(out, strlen(out)));
}

static void
take_code(struct fields_in *r, char out[RECORD_CODE])
{
    fields_text(r, out, RECORD_CODE);
    r->bad = r->bad || (out[0] != '\0' && !wire_code_valid(out, strlen(out)));
}

static enum wire_severity
take_severity(struct fields_in *r)
{
    struct field f = fields_next(r);
    int s = wire_severity_from(f.at, f.len);

    r->bad = r->bad || s < 0 || !field_is(f, wire_severity_name((enum wire_severity)s));
    return s < 0 ? WIRE_INFO : (enum wire_severity)s;
}

static void
take_lines(struct fields_in *r, uint32_t *session, char nonce[WIRE_NONCE_CHARS + 1], uint32_t *first,
        uint32_t *last)
{
    struct field f = fields_next(r);

    nonce[0] = '\0';
    if (field_is(f, "-")) {
        return;
    }
    *session = (uint32_t)fields_number_until(r, &f, '-');
    if (r->bad || f.len <= WIRE_NONCE_CHARS || f.at[WIRE_NONCE_CHARS] != '.') {
        r->bad = true;
        return;
    }
    for (unsigned i = 0; i < WIRE_NONCE_CHARS; i++) {
        nonce[i] = f.at[i];
        r->bad = r->bad || wire_base32_value(f.at[i]) < 0;
    }
    nonce[WIRE_NONCE_CHARS] = '\0';
    f.at += WIRE_NONCE_CHARS + 1;
    f.len -= WIRE_NONCE_CHARS + 1;
    *first = (uint32_t)fields_number_until(r, &f, '-');
    *last = (uint32_t)fields_number_until(r, &f, '\0');
}

static void
take_verdict(struct fields_in *r, struct record *out, bool proved)
{
    struct field f = fields_next(r);
    bool known = false;

    out->kind = proved                  ? RECORD_LINE
                : field_is(f, "LOCAL")  ? RECORD_LOCAL
                : field_is(f, "NOTICE") ? RECORD_NOTICE
                                        : RECORD_EVENT;
    if (out->kind == RECORD_LOCAL || out->kind == RECORD_NOTICE) {
        return;
    }
    for (int v = 0; v < WIRE_VERDICTS; v++) {
        if (field_is(f, wire_verdict_name((enum wire_verdict)v))) {
            out->verdict = (enum wire_verdict)v;
            known = true;
        }
    }
    r->bad =
            r->bad || !known ||
            (proved && out->verdict != WIRE_OK && out->verdict != WIRE_REPAIRED && out->verdict != WIRE_LATE);
}

static void
take_record(struct fields_in *r, struct record *out, bool proved)
{
    take_verdict(r, out, proved);
    fields_text(r, out->line, sizeof out->line);
    take_host(r, out->host);
    out->severity = take_severity(r);
    take_code(r, out->code);
    take_lines(r, &out->session, out->nonce, &out->first, &out->last);
    out->over = fields_choice(r, "over", "on");
    fields_text(r, out->detail, sizeof out->detail);
    if (proved) {
        fields_text(r, out->bytes, sizeof out->bytes);
        r->bad = r->bad || out->host[0] == '\0' || out->nonce[0] == '\0' || out->first != out->last;
    }
}

static void
take_alarm(struct fields_in *r, struct alarm *out)
{
    uint32_t last = 0;

    out->id = (int64_t)fields_number(r, INT64_MAX);
    out->open = fields_choice(r, "open", "closed");
    out->severity = take_severity(r);
    take_host(r, out->host);
    take_code(r, out->code);
    fields_text(r, out->subject, sizeof out->subject);
    take_lines(r, &out->session, out->nonce, &out->number, &last);
    out->count = (uint32_t)fields_number(r, UINT32_MAX);
    out->opened_ms = (int64_t)fields_number(r, INT64_MAX);
    out->closed_ms = (int64_t)fields_number(r, INT64_MAX);
    fields_text(r, out->line, sizeof out->line);
    fields_text(r, out->verdict, sizeof out->verdict);
    fields_text(r, out->detail, sizeof out->detail);
    r->bad = r->bad || last != out->number || out->code[0] == '\0';
}

static void
take_state(struct fields_in *r, struct message_state *out)
{
    fields_text(r, out->version, sizeof out->version);
    out->published = fields_number(r, UINT64_MAX);
}

static bool
take_kind(struct fields_in *r, enum message_kind *out)
{
    struct field f = fields_next(r);

    for (int k = 0; k < MESSAGE_KINDS; k++) {
        if (field_is(f, kinds[k])) {
            *out = (enum message_kind)k;
            return true;
        }
    }
    return false;
}

bool
message_parse(const char *src, size_t len, struct message *out)
{
    struct message m = { .kind = MESSAGE_KINDS };
    struct fields_in r;

    fields_split(&r, src, len);
    if (r.bad || len >= MESSAGE_MAX || !field_is(fields_next(&r), FORM) || !take_kind(&r, &m.kind)) {
        return false;
    }
    m.row = fields_number(&r, INT64_MAX);
    m.utc_ms = (int64_t)fields_number(&r, INT64_MAX / 1000);
    switch (m.kind) {
    case MESSAGE_ALARM:
        take_alarm(&r, &m.alarm);
        break;
    case MESSAGE_STATE:
        take_state(&r, &m.state);
        break;
    default:
        take_record(&r, &m.record, m.kind == MESSAGE_LINE);
        m.record.seen_us = m.utc_ms * 1000;
    }
    if (!fields_done(&r)) {
        return false;
    }
    *out = m;
    return true;
}

/* ---- subjects and ids */

bool
message_site_valid(const char *site, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = site[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        if (!letter && (i == 0 || (c != '-' && c != '_'))) {
            return false;
        }
    }
    return len > 0 && len < MESSAGE_SITE;
}

static const char *
host_of(const struct message *m)
{
    const char *host = m->kind == MESSAGE_ALARM ? m->alarm.host : m->record.host;

    return m->kind == MESSAGE_STATE || host[0] == '\0' ? "-" : host;
}

void
message_subject(char out[MESSAGE_SUBJECT], const char *site, const struct message *m)
{
    (void)snprintf(out, MESSAGE_SUBJECT, MESSAGE_ROOT ".%s.%s.%s", site, kinds[m->kind], host_of(m));
}

/* The part of a subject up to its dot, or to its end. */
static struct field
part(const char **at, const char *end)
{
    const char *dot = *at < end ? memchr(*at, '.', (size_t)(end - *at)) : NULL;
    const char *stop = dot != NULL ? dot : end;
    struct field f = { .at = *at, .len = (size_t)(stop - *at) };

    *at = dot != NULL ? dot + 1 : end;
    return f;
}

bool
message_subject_parse(const char *subject, size_t len, char site[MESSAGE_SITE], enum message_kind *kind)
{
    const char *at = subject;
    const char *end = subject + len;
    struct field root = part(&at, end);
    struct field name = part(&at, end);
    struct fields_in r = { .field = { part(&at, end) }, .count = 1 };

    if (!field_is(root, MESSAGE_ROOT) || !message_site_valid(name.at, name.len) || !take_kind(&r, kind)) {
        return false;
    }
    memcpy(site, name.at, name.len);
    site[name.len] = '\0';
    return true;
}

void
message_id(char out[MESSAGE_ID], const char *site, const struct message *m, const char *text)
{
    const struct record *r = &m->record;
    uint8_t digest[WIRE_HASH_SIZE];
    char hash[ID_HASH + 1] = "";

    if (m->kind == MESSAGE_LINE) {
        (void)snprintf(out, MESSAGE_ID, "%s/%" PRIu32 "-%s.%" PRIu32 "/%s", r->host, r->session, r->nonce,
                r->first, r->tag);
        return;
    }
    wire_hash(text, strlen(text), digest);
    wire_base32(digest, ID_HASH, hash);
    (void)snprintf(out, MESSAGE_ID, "%s/%s.%" PRIu64 "/%s", site, kinds[m->kind], m->row, hash);
}
