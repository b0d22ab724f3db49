#include "belfry/nats/hub.h"

#include <stdlib.h>
#include <string.h>

#define GROW 16

/* Room for one more of `size` bytes each, up to `most`; NULL without memory. */
static void *
grow(void *have, unsigned count, unsigned most, size_t size)
{
    unsigned room = count < GROW ? GROW : count * 2;

    if (have != NULL && (count < GROW || (count & (count - 1)) != 0)) {
        return have;
    }
    return realloc(have, (room < most ? room : most) * size);
}

/* Where the name stands in the order, or would. */
static unsigned
site_place(const struct hub *hub, const char *name)
{
    unsigned at = 0;

    while (at < hub->sites && strcmp(hub->site[at]->site, name) < 0) {
        at++;
    }
    return at;
}

/* NULL without memory or room; `*full` says which. */
static struct hub_site *
site_of(struct hub *hub, const char *name, bool *full)
{
    unsigned at = site_place(hub, name);
    struct hub_site *s;

    *full = false;
    if (at < hub->sites && strcmp(hub->site[at]->site, name) == 0) {
        return hub->site[at];
    }
    *full = hub->sites == HUB_SITES;
    s = *full ? NULL : calloc(1, sizeof *s);
    if (s == NULL) {
        return NULL;
    }
    memcpy(s->site, name, strlen(name) + 1);
    for (unsigned i = hub->sites; i > at; i--) {
        hub->site[i] = hub->site[i - 1];
    }
    hub->site[at] = s;
    hub->sites++;
    return s;
}

/* ---- hosts */

static unsigned
host_place(const struct hub_site *s, const char *name)
{
    unsigned low = 0;
    unsigned high = s->hosts;

    while (low < high) {
        unsigned middle = (low + high) / 2;

        if (strcmp(s->host[middle].host, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool
host_of(struct hub_site *s, const char *name, struct hub_host **out)
{
    unsigned at = host_place(s, name);
    struct hub_host *more;

    *out = NULL;
    if (at < s->hosts && strcmp(s->host[at].host, name) == 0) {
        *out = &s->host[at];
        return true;
    }
    if (s->hosts == HUB_HOSTS) {
        s->left_out++;
        return true;
    }
    more = grow(s->host, s->hosts, HUB_HOSTS, sizeof *more);
    if (more == NULL) {
        return false;
    }
    s->host = more;
    memmove(s->host + at + 1, s->host + at, (s->hosts - at) * sizeof s->host[0]);
    memset(&s->host[at], 0, sizeof s->host[at]);
    memcpy(s->host[at].host, name, strlen(name) + 1);
    s->hosts++;
    *out = &s->host[at];
    return true;
}

static void
shift(uint64_t seen[HUB_RECENT / 64], uint32_t by)
{
    for (int i = HUB_RECENT / 64 - 1; i >= 0; i--) {
        uint64_t from = 0;

        for (unsigned k = 0; k < 2; k++) {
            int64_t word = (int64_t)i - (int64_t)(by / 64) - (int64_t)k;
            unsigned bits = by % 64;

            if (word >= 0 && (k == 0 || bits != 0)) {
                from |= k == 0 ? seen[word] << bits : seen[word] >> (64 - bits);
            }
        }
        seen[i] = from;
    }
}

/* False for a number that was here before. */
static bool
is_new(struct hub_host *h, const struct record *r)
{
    bool newer = h->nonce[0] == '\0' || r->session > h->session;
    uint32_t below;

    if (newer) {
        memset(h->seen, 0, sizeof h->seen);
        h->session = r->session;
        memcpy(h->nonce, r->nonce, sizeof h->nonce);
        h->top = r->first;
        h->seen[0] = 1;
        return true;
    }
    if (r->session != h->session || strcmp(r->nonce, h->nonce) != 0) {
        h->late++;
        return true;
    }
    if (r->first > h->top) {
        shift(h->seen, r->first - h->top);
        h->top = r->first;
        h->seen[0] |= 1;
        return true;
    }
    below = h->top - r->first;
#ifndef PLANT_BELFRY_HUB
    if (below >= HUB_RECENT) {
        h->late++;
        return true;
    }
#endif
    newer = (h->seen[below / 64] >> (below % 64) & 1) == 0;
    h->seen[below / 64] |= (uint64_t)1 << (below % 64);
    return newer;
}

static bool
take_line(struct hub_site *s, const struct message *m)
{
    struct hub_host *h;

    if (!host_of(s, m->record.host, &h)) {
        return false;
    }
    if (h != NULL && !is_new(h, &m->record)) {
        s->copies++;
        return true;
    }
    s->lines++;
    if (h != NULL) {
        h->lines++;
        h->last_ms = m->utc_ms > h->last_ms ? m->utc_ms : h->last_ms;
    }
    return true;
}

/* ---- alarms */

/* The row at which it was closed, 0 when it was not. */
static uint64_t
closed_row(const struct hub_site *s, const struct alarm *a)
{
    unsigned kept = s->closed < HUB_CLOSED ? s->closed : HUB_CLOSED;

    for (unsigned i = 0; i < kept; i++) {
        if (s->over[i].id == a->id && s->over[i].opened_ms == a->opened_ms) {
            return s->over[i].row;
        }
    }
    return 0;
}

static bool
remember_closed(struct hub_site *s, uint64_t row, const struct alarm *a)
{
    if (s->over == NULL) {
        s->over = calloc(HUB_CLOSED, sizeof *s->over);
    }
    if (s->over == NULL) {
        return false;
    }
    s->over[s->closed++ % HUB_CLOSED] =
            (struct hub_closed){ .row = row, .id = a->id, .opened_ms = a->opened_ms };
    return true;
}

static bool
take_alarm(struct hub_site *s, const struct message *m)
{
    unsigned at = 0;
    struct hub_alarm *more;

    while (at < s->alarms && s->alarm[at].alarm.id != m->alarm.id) {
        at++;
    }
    if (at < s->alarms &&
            (s->alarm[at].alarm.opened_ms > m->alarm.opened_ms ||
                    (s->alarm[at].alarm.opened_ms == m->alarm.opened_ms && s->alarm[at].row >= m->row))) {
        return true;
    }
    if (!m->alarm.open) {
        if (!remember_closed(s, m->row, &m->alarm)) {
            return false;
        }
        if (at < s->alarms) {
            s->alarm[at] = s->alarm[--s->alarms];
        }
        return true;
    }
    if (at == s->alarms) {
        if (closed_row(s, &m->alarm) > m->row) {
            return true;
        }
        if (s->alarms == HUB_ALARMS) {
            s->left_out++;
            return true;
        }
        more = grow(s->alarm, s->alarms, HUB_ALARMS, sizeof *more);
        if (more == NULL) {
            return false;
        }
        s->alarm = more;
        s->alarms++;
    }
    s->alarm[at] = (struct hub_alarm){ .row = m->row, .told_ms = m->utc_ms, .alarm = m->alarm };
    return true;
}

/* ---- all */

static bool
take(struct hub_site *s, int64_t utc_ms, const struct message *m)
{
    switch (m->kind) {
    case MESSAGE_LINE:
        return take_line(s, m);
    case MESSAGE_ALARM:
        return take_alarm(s, m);
    case MESSAGE_STATE:
        s->state = m->state;
        s->state_ms = utc_ms;
        return true;
    default:
        s->events++;
        return true;
    }
}

bool
hub_take(
        struct hub *hub, uint64_t sequence, int64_t utc_ms, const char *subject, const char *text, size_t len)
{
    static struct message m;
    char name[MESSAGE_SITE];
    enum message_kind kind;
    struct hub_site *s;
    bool full = false;

    if (sequence <= hub->sequence) {
        return true;
    }
    if (!message_subject_parse(subject, strlen(subject), name, &kind)) {
        hub->refused++;
    } else if ((s = site_of(hub, name, &full)) == NULL) {
        if (!full) {
            return false;
        }
        hub->refused++;
    } else if (!message_parse(text, len, &m) || m.kind != kind) {
        s->refused++;
    } else if (!take(s, utc_ms, &m)) {
        return false;
    } else {
        s->heard_ms = utc_ms;
    }
    hub->missed += hub->sequence != 0 ? sequence - hub->sequence - 1 : 0;
    hub->sequence = sequence;
    return true;
}

void
hub_stream(struct hub *hub, uint64_t stream)
{
    if (hub->stream != stream) {
        hub->stream = stream;
        hub->sequence = 0;
    }
}

void
hub_free(struct hub *hub)
{
    for (unsigned i = 0; i < hub->sites; i++) {
        free(hub->site[i]->host);
        free(hub->site[i]->alarm);
        free(hub->site[i]->over);
        free(hub->site[i]);
    }
    memset(hub, 0, sizeof *hub);
}
