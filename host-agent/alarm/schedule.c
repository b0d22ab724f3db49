#include "alarm/schedule.h"
#include <string.h>

#define REPEAT_SHARE 4   /* a repeat is followed by three times its own time without one */
#define BITS_PER_BYTE 10 /* start, eight, stop */
#define LINE_END 2

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)

/* When each copy is due, after the first went out on the channel. The last value ends the list. */
static const int64_t grave_ms[] = { 0, 2 * SECOND, 10 * SECOND, 60 * SECOND, 300 * SECOND, 15 * MINUTE,
    1 * HOUR, 4 * HOUR, 8 * HOUR, 12 * HOUR, 16 * HOUR, 20 * HOUR, 24 * HOUR, INT64_MAX };
static const int64_t noted_ms[] = { 0, 10 * SECOND, INT64_MAX };
static const int64_t plain_ms[] = { 0, INT64_MAX };

static int64_t
copy_due(const struct schedule_entry *e, unsigned channel)
{
    unsigned copies = e->copies[channel];
    const int64_t *table = e->line.severity <= WIRE_ERRO ? grave_ms : noted_ms;

    if (e->line.severity >= WIRE_INFO) {
        table = plain_ms;
    }
    if (copies == 0) {
        return e->sealed_ms;
    }
    return table[copies] == INT64_MAX ? INT64_MAX : e->first_ms[channel] + table[copies];
}

void
schedule_init(struct schedule *s, const struct conf *conf)
{
    for (unsigned i = 0; i < conf->channels; i++) {
        s->channel[i].used = true;
        s->channel[i].baud = strcmp(conf->channel[i].scheme, "serial") == 0 && conf->channel[i].baud == 0
                                     ? 115200
                                     : conf->channel[i].baud;
    }
}

static bool
all_out(const struct schedule *s, const struct schedule_entry *e)
{
    for (unsigned c = 0; c < CONF_CHANNELS; c++) {
        if (s->channel[c].used && copy_due(e, c) != INT64_MAX) {
            return false;
        }
    }
    return true;
}

static bool
never_out(const struct schedule *s, const struct schedule_entry *e)
{
    for (unsigned c = 0; c < CONF_CHANNELS; c++) {
        if (s->channel[c].used && e->copies[c] == 0) {
            return true;
        }
    }
    return false;
}

/* True when `a` should leave before `b`: what is out everywhere, then the less severe, then the older. */
static bool
leaves_before(const struct schedule *s, const struct schedule_entry *a, const struct schedule_entry *b)
{
    bool a_waits = never_out(s, a);
    bool b_waits = never_out(s, b);

    if (a_waits != b_waits) {
        return b_waits;
    }
    if (a->line.severity != b->line.severity) {
        return a->line.severity > b->line.severity;
    }
    return a->line.number < b->line.number;
}

static struct schedule_entry *
room(struct schedule *s)
{
    struct schedule_entry *victim = NULL;

    for (unsigned i = 0; i < s->high; i++) {
        struct schedule_entry *e = &s->entry[i];

        if (all_out(s, e)) {
            return e;
        }
        if (victim == NULL || leaves_before(s, e, victim)) {
            victim = e;
        }
    }
    if (s->high < SCHEDULE_LINES) {
        return &s->entry[s->high++];
    }
    if (never_out(s, victim)) {
        s->dropped++;
    }
    return victim;
}

void
schedule_add(struct schedule *s, const struct session_line *line, bool first, int64_t now_ms)
{
    struct schedule_entry *e = room(s);

    memset(e, 0, sizeof(*e));
    e->line = *line;
    e->first = first;
    e->sealed_ms = now_ms;
}

/* True when `a` goes out before `b`, both due. */
static bool
goes_before(const struct schedule_entry *a, const struct schedule_entry *b, unsigned channel)
{
    bool a_first = a->copies[channel] == 0;
    bool b_first = b->copies[channel] == 0;

    if (a_first != b_first) {
        return a_first;
    }
    if (a->first != b->first) {
        return a->first;
    }
    if (a->line.severity != b->line.severity) {
        return a->line.severity < b->line.severity;
    }
    return a->line.number < b->line.number;
}

const struct session_line *
schedule_next(const struct schedule *s, unsigned channel, int64_t now_ms, int64_t *due_ms)
{
    const struct schedule_entry *best = NULL;

    *due_ms = INT64_MAX;
    for (unsigned i = 0; i < s->high; i++) {
        const struct schedule_entry *e = &s->entry[i];

        int64_t due = copy_due(e, channel);
        if (due != INT64_MAX && e->copies[channel] > 0 && due < s->channel[channel].repeat_from_ms) {
            due = s->channel[channel].repeat_from_ms;
        }
        if (due > now_ms) {
            *due_ms = due < *due_ms ? due : *due_ms;
        } else if (best == NULL || goes_before(e, best, channel)) {
            best = e;
        }
    }
    return best != NULL ? &best->line : NULL;
}

/* After an outage copies that were due long ago count as one: the next is the first that is still ahead. */
static void
skip_missed(struct schedule_entry *e, unsigned channel, int64_t now_ms)
{
    while (copy_due(e, channel) <= now_ms) {
        e->copies[channel]++;
    }
}

void
schedule_done(struct schedule *s, unsigned channel, uint32_t number, int64_t now_ms)
{
    struct schedule_channel *c = &s->channel[channel];

    for (unsigned i = 0; i < s->high; i++) {
        struct schedule_entry *e = &s->entry[i];

        if (e->line.number != number) {
            continue;
        }
        if (e->copies[channel] > 0 && c->baud > 0) {
            int64_t time_ms = (int64_t)(e->line.len + LINE_END) * BITS_PER_BYTE * SECOND / c->baud + 1;
            c->repeat_from_ms = now_ms + (REPEAT_SHARE - 1) * time_ms;
        }
        if (e->copies[channel]++ == 0) {
            e->first_ms[channel] = now_ms;
        }
        skip_missed(e, channel, now_ms);
        return;
    }
}

unsigned
schedule_waiting(const struct schedule *s, unsigned channel)
{
    unsigned waiting = 0;

    for (unsigned i = 0; i < s->high; i++) {
        waiting += s->entry[i].copies[channel] == 0 ? 1 : 0;
    }
    return waiting;
}

uint32_t
schedule_take_dropped(struct schedule *s)
{
    uint32_t n = s->dropped;

    s->dropped = 0;
    return n;
}
