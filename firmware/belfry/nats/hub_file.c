#include "belfry/nats/fields.h"
#include "belfry/nats/hub.h"

#include <stdlib.h>
#include <string.h>

#define FORM "belfry-hub1"

/* ---- out */

static bool
line_out(const struct fields_out *w, FILE *to)
{
    return !w->bad && fwrite(w->at, 1, w->len, to) == w->len && fputc('\n', to) != EOF;
}

static bool
save_host(const struct hub_host *h, FILE *to)
{
    char text[MESSAGE_MAX];
    struct fields_out w = { .at = text, .size = sizeof text };

    fields_put(&w, "host");
    fields_put(&w, h->host);
    fields_put(&w, h->nonce);
    fields_put_number(&w, h->session);
    fields_put_number(&w, h->top);
    for (unsigned i = 0; i < HUB_RECENT / 64; i++) {
        fields_put_number(&w, h->seen[i]);
    }
    fields_put_number(&w, h->lines);
    fields_put_number(&w, h->late);
    fields_put_time(&w, h->last_ms);
    return line_out(&w, to);
}

static bool
save_alarm(const struct hub_alarm *a, FILE *to)
{
    static struct message m = { .kind = MESSAGE_ALARM };
    char text[MESSAGE_MAX];
    struct fields_out w = { .at = text, .size = sizeof text };

    m.row = a->row;
    m.utc_ms = a->told_ms;
    m.alarm = a->alarm;
    w.len = message_compose(&m, text);
    w.bad = w.len == 0;
    return line_out(&w, to);
}

static bool
save_closed(const struct hub_closed *c, FILE *to)
{
    char text[MESSAGE_MAX];
    struct fields_out w = { .at = text, .size = sizeof text };

    fields_put(&w, "closed");
    fields_put_number(&w, c->row);
    fields_put_number(&w, (uint64_t)c->id);
    fields_put_time(&w, c->opened_ms);
    return line_out(&w, to);
}

static bool
save_site(const struct hub_site *s, FILE *to)
{
    char text[MESSAGE_MAX];
    struct fields_out w = { .at = text, .size = sizeof text };
    unsigned kept = s->closed < HUB_CLOSED ? s->closed : HUB_CLOSED;
    bool well;

    fields_put(&w, "site");
    fields_put(&w, s->site);
    fields_put_time(&w, s->heard_ms);
    fields_put_time(&w, s->state_ms);
    fields_put_number(&w, s->lines);
    fields_put_number(&w, s->events);
    fields_put_number(&w, s->copies);
    fields_put_number(&w, s->refused);
    fields_put_number(&w, s->left_out);
    fields_put(&w, s->state.version);
    fields_put_number(&w, s->state.published);
    well = line_out(&w, to);
    for (unsigned i = 0; well && i < s->hosts; i++) {
        well = save_host(&s->host[i], to);
    }
    for (unsigned i = 0; well && i < s->alarms; i++) {
        well = save_alarm(&s->alarm[i], to);
    }
    for (unsigned i = s->closed - kept; well && i < s->closed; i++) {
        well = save_closed(&s->over[i % HUB_CLOSED], to);
    }
    return well;
}

bool
hub_save(const struct hub *hub, FILE *to)
{
    char text[MESSAGE_MAX];
    struct fields_out w = { .at = text, .size = sizeof text };
    bool well;

    fields_put(&w, FORM);
    fields_put_number(&w, hub->stream);
    fields_put_number(&w, hub->sequence);
    fields_put_number(&w, hub->missed);
    fields_put_number(&w, hub->refused);
    fields_put_time(&w, hub->read_ms);
    well = line_out(&w, to);
    for (unsigned i = 0; well && i < hub->sites; i++) {
        well = save_site(hub->site[i], to);
    }
    return well && fputs("end\n", to) != EOF;
}

/* ---- in */

/* True when what is left of the line is sound and `count` of `most` leaves room for one more. */
static bool
fits(const struct fields_in *r, unsigned count, unsigned most)
{
    return fields_done(r) && count < most;
}

static bool
load_site(struct hub *hub, struct fields_in *r)
{
    struct hub_site *s = calloc(1, sizeof *s);

    if (s == NULL) {
        return false;
    }
    fields_text(r, s->site, sizeof s->site);
    s->heard_ms = (int64_t)fields_number(r, INT64_MAX);
    s->state_ms = (int64_t)fields_number(r, INT64_MAX);
    s->lines = fields_number(r, UINT64_MAX);
    s->events = fields_number(r, UINT64_MAX);
    s->copies = fields_number(r, UINT64_MAX);
    s->refused = fields_number(r, UINT64_MAX);
    s->left_out = fields_number(r, UINT64_MAX);
    fields_text(r, s->state.version, sizeof s->state.version);
    s->state.published = fields_number(r, UINT64_MAX);
    s->host = calloc(HUB_HOSTS, sizeof *s->host);
    s->alarm = calloc(HUB_ALARMS, sizeof *s->alarm);
    s->over = calloc(HUB_CLOSED, sizeof *s->over);
    if (!fits(r, hub->sites, HUB_SITES) || !message_site_valid(s->site, strlen(s->site)) ||
            (hub->sites > 0 && strcmp(hub->site[hub->sites - 1]->site, s->site) >= 0) || s->host == NULL ||
            s->alarm == NULL || s->over == NULL) {
        free(s->host);
        free(s->alarm);
        free(s->over);
        free(s);
        return false;
    }
    hub->site[hub->sites++] = s;
    return true;
}

static bool
load_host(struct hub_site *s, struct fields_in *r)
{
    struct hub_host h = { .top = 0 };

    fields_text(r, h.host, sizeof h.host);
    fields_text(r, h.nonce, sizeof h.nonce);
    h.session = (uint32_t)fields_number(r, UINT32_MAX);
    h.top = (uint32_t)fields_number(r, UINT32_MAX);
    for (unsigned i = 0; i < HUB_RECENT / 64; i++) {
        h.seen[i] = fields_number(r, UINT64_MAX);
    }
    h.lines = fields_number(r, UINT64_MAX);
    h.late = fields_number(r, UINT64_MAX);
    h.last_ms = (int64_t)fields_number(r, INT64_MAX);
    if (!fits(r, s->hosts, HUB_HOSTS) || !wire_host_valid(h.host, strlen(h.host)) ||
            (s->hosts > 0 && strcmp(s->host[s->hosts - 1].host, h.host) >= 0)) {
        return false;
    }
    s->host[s->hosts++] = h;
    return true;
}

static bool
load_alarm(struct hub_site *s, const char *line, size_t len)
{
    static struct message m;

    if (!message_parse(line, len, &m) || m.kind != MESSAGE_ALARM || !m.alarm.open ||
            s->alarms == HUB_ALARMS) {
        return false;
    }
    s->alarm[s->alarms++] = (struct hub_alarm){ .row = m.row, .told_ms = m.utc_ms, .alarm = m.alarm };
    return true;
}

static bool
load_closed(struct hub_site *s, struct fields_in *r)
{
    struct hub_closed c;

    c.row = fields_number(r, INT64_MAX);
    c.id = (int64_t)fields_number(r, INT64_MAX);
    c.opened_ms = (int64_t)fields_number(r, INT64_MAX);
    if (!fits(r, s->closed, HUB_CLOSED)) {
        return false;
    }
    s->over[s->closed++] = c;
    return true;
}

static bool
load_head(struct hub *hub, struct fields_in *r)
{
    hub->stream = fields_number(r, UINT64_MAX);
    hub->sequence = fields_number(r, UINT64_MAX);
    hub->missed = fields_number(r, UINT64_MAX);
    hub->refused = fields_number(r, UINT64_MAX);
    hub->read_ms = (int64_t)fields_number(r, INT64_MAX);
    return fields_done(r);
}

/* `*over` once the last line was there. */
static bool
load_line(struct hub *hub, const char *line, size_t len, unsigned number, bool *over)
{
    struct hub_site *s = hub->sites > 0 ? hub->site[hub->sites - 1] : NULL;
    struct fields_in r;
    struct field word;

    fields_split(&r, line, len);
    word = fields_next(&r);
    if (number == 0) {
        return field_is(word, FORM) && load_head(hub, &r);
    }
    if (field_is(word, "site")) {
        return load_site(hub, &r);
    }
    if (field_is(word, "end")) {
        *over = fields_done(&r);
        return *over;
    }
    if (s != NULL && field_is(word, "host")) {
        return load_host(s, &r);
    }
    if (s != NULL && field_is(word, "closed")) {
        return load_closed(s, &r);
    }
    return s != NULL && load_alarm(s, line, len);
}

bool
hub_load(struct hub *hub, const char *text, size_t len)
{
    const char *at = text;
    const char *end = text + len;
    bool over = false;

    memset(hub, 0, sizeof *hub);
    for (unsigned n = 0; !over && at < end; n++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));

        if (stop == NULL || !load_line(hub, at, (size_t)(stop - at), n, &over)) {
            break;
        }
        at = stop + 1;
    }
    if (!over || at != end) {
        hub_free(hub);
        return false;
    }
    return true;
}
