#include "logger/deadman.h"

#include <string.h>

void
deadman_init(struct deadman *d, uint32_t now_s)
{
    memset(d, 0, sizeof(*d));
    d->host[0].promise_s = DEADMAN_PROMISE_MAX;
    d->host[0].heard_s = now_s;
    d->used = 1;
}

/* The seconds this line promises until the next one; 0 when it promises nothing. */
static uint8_t
promise_of(const struct wire_line *line)
{
    bool start = strcmp(line->head.code, "agent.start") == 0;
    const char *value;
    size_t len;
    uint32_t s;

    if (!start && strcmp(line->head.code, "agent.beat") != 0) {
        return 0;
    }
    value = wire_detail_find(line->detail, line->detail_len, start ? "beat" : "next", &len);
    if (value == NULL || !wire_decimal(value, len, &s) || s < 1 || s > DEADMAN_PROMISE_MAX) {
        return DEADMAN_PROMISE_MAX;
    }
    return (uint8_t)s;
}

static struct deadman_host *
find(struct deadman *d, const char *name)
{
    for (unsigned i = 0; i < d->used; i++) {
        if (strcmp(d->host[i].name, name) == 0) {
            return &d->host[i];
        }
    }
    return NULL;
}

/* A place for one more: that of nobody, a free one, or that of a silent host of which a person knows. */
static struct deadman_host *
place(struct deadman *d)
{
    struct deadman_host *nobody = find(d, "");

    if (nobody != NULL) {
        return nobody;
    }
    if (d->used < DEADMAN_HOSTS) {
        return &d->host[d->used++];
    }
    for (unsigned i = 0; i < DEADMAN_HOSTS; i++) {
        if (d->host[i].silent && d->host[i].seen) {
            return &d->host[i];
        }
    }
    return NULL;
}

static void
heard(struct deadman_host *h, uint32_t now_s, struct deadman_event *out)
{
    if (h->silent) {
        *out = (struct deadman_event){ DEADMAN_BACK, h->name, now_s - h->heard_s };
    }
    h->silent = false;
    h->seen = false;
    h->heard_s = now_s;
}

void
deadman_line(struct deadman *d, const struct wire_line *line, uint32_t now_s, struct deadman_event *out)
{
    struct deadman_host *h = find(d, line->head.host);
    uint8_t promise = promise_of(line);

    *out = (struct deadman_event){ DEADMAN_NOTHING, "", 0 };
    if (h == NULL && promise > 0) {
        h = place(d);
        if (h == NULL) {
            out->news = d->full_told ? DEADMAN_NOTHING : DEADMAN_FULL;
            d->full_told = true;
            return;
        }
        h->silent = h->silent && h->name[0] == '\0'; /* whoever speaks first ends the silence of all */
        memcpy(h->name, line->head.host, sizeof(h->name));
    }
    if (h != NULL) {
        heard(h, now_s, out);
        h->promise_s = promise > 0 ? promise : h->promise_s;
    }
}

void
deadman_look(struct deadman *d, uint32_t now_s, struct deadman_event *out)
{
    *out = (struct deadman_event){ DEADMAN_NOTHING, "", 0 };
    for (unsigned i = 0; i < d->used; i++) {
        struct deadman_host *h = &d->host[i];
        uint32_t quiet_s = now_s - h->heard_s;

        if (!h->silent && quiet_s > 3u * h->promise_s + DEADMAN_SLACK) {
            h->silent = true;
            *out = (struct deadman_event){ DEADMAN_SILENT, h->name, quiet_s };
            return;
        }
    }
}

void
deadman_seen(struct deadman *d)
{
    for (unsigned i = 0; i < d->used; i++) {
        d->host[i].seen = d->host[i].silent;
    }
}

unsigned
deadman_silent(const struct deadman *d)
{
    unsigned n = 0;

    for (unsigned i = 0; i < d->used; i++) {
        n += d->host[i].silent;
    }
    return n;
}
