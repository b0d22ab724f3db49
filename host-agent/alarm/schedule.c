#include "alarm/schedule.h"
#include <string.h>

#define REPEAT_SHARE 4   /* a repeat is followed by three times its own time without one */
#define BITS_PER_BYTE 10 /* start, eight, stop */
#define LINE_END 2
#define USUAL_BAUD 115200 /* also of the line by which a logger passes on what it gets */

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)

/* When each copy is due, after the first went out on the channel. The last value ends the list. */
static const int64_t grave_ms[] = { 0, 2 * SECOND, 10 * SECOND, 60 * SECOND, 300 * SECOND, 15 * MINUTE,
    1 * HOUR, 4 * HOUR, 8 * HOUR, 12 * HOUR, 16 * HOUR, 20 * HOUR, 24 * HOUR, INT64_MAX };
static const int64_t noted_ms[] = { 0, 10 * SECOND, INT64_MAX };
static const int64_t plain_ms[] = { 0, INT64_MAX };

#define LATE_COPIES 5 /* those of 15 minutes and more follow */
#define PAPER_BEAT_S 3600u

static bool
acked(const struct schedule *s, const struct schedule_entry *e)
{
    return e->kept && e->line.number < s->network.acked;
}

/* Is the line for this channel, as far as the state of the network does not matter? */
static bool
is_for(const struct schedule_channel *c, const struct schedule_entry *e)
{
    return e->line.severity <= WIRE_ERRO || (e->flags & SCHEDULE_ALWAYS) != 0 || e->line.severity <= c->floor;
}

static bool
only_when_lost(const struct schedule_channel *c, const struct schedule_entry *e)
{
    return c->fallback && e->line.severity > WIRE_ERRO && (e->flags & SCHEDULE_ALWAYS) == 0;
}

/* Does the channel want it as things are? */
static bool
wanted(const struct schedule *s, const struct schedule_entry *e, unsigned channel)
{
    const struct schedule_channel *c = &s->channel[channel];

    return is_for(c, e) && (!only_when_lost(c, e) || (s->network.lost && !acked(s, e)));
}

/* No further copy is due: the receiver has it, or the channel keeps the one it got. */
static bool
settled(const struct schedule *s, const struct schedule_entry *e, unsigned channel)
{
    const struct schedule_channel *c = &s->channel[channel];
    unsigned copies = e->copies[channel];

    return copies > 0 && (c->once || (acked(s, e) && (c->fallback || copies >= LATE_COPIES)));
}

/* From the first copy to the one that is next; INT64_MAX when all are out. */
static int64_t
after_first_ms(const struct schedule_entry *e, unsigned channel)
{
    const int64_t *table = e->line.severity <= WIRE_ERRO ? grave_ms : noted_ms;

    return (e->line.severity >= WIRE_INFO ? plain_ms : table)[e->copies[channel]];
}

static bool
is_again(const struct schedule_entry *e, unsigned channel)
{
    return (e->again >> channel & 1) != 0;
}

static int64_t
copy_due(const struct schedule *s, const struct schedule_entry *e, unsigned channel)
{
    int64_t after_ms = after_first_ms(e, channel);

    if (is_again(e, channel)) {
        return 0;
    }
    if (after_ms == INT64_MAX || !wanted(s, e, channel) || settled(s, e, channel)) {
        return INT64_MAX;
    }
    return e->copies[channel] == 0 ? 0 : e->first_ms[channel] + after_ms;
}

void
schedule_init(struct schedule *s, const struct conf *conf)
{
    for (unsigned i = 0; i < conf->channels; i++) {
        const struct conf_channel *from = &conf->channel[i];
        struct schedule_channel *c = &s->channel[i];

        c->used = true;
        c->fallback = from->fallback;
        c->floor = from->floor;
        const char *kind = conf_channel_kind(from);
        bool paper = strcmp(kind, "printer") == 0;

        c->powered = strcmp(kind, "usb") == 0;
        c->once = paper || c->powered;
        c->beat_share = paper && conf->beat_s > 0 ? PAPER_BEAT_S / conf->beat_s : 1;
        bool usual = c->powered || (strcmp(from->scheme, "serial") == 0 && from->baud == 0);

        c->baud = usual ? USUAL_BAUD : from->baud;
    }
    s->network.used = conf->receiver.name[0] != '\0';
    s->network.lost = !s->network.used;
}

/* ---- room ---- */

/* The channel got none and is to have one, now or when the network is lost. */
static bool
owed(const struct schedule *s, const struct schedule_entry *e, unsigned channel)
{
    const struct schedule_channel *c = &s->channel[channel];

    return c->used && e->copies[channel] == 0 && is_for(c, e) && (!only_when_lost(c, e) || !acked(s, e));
}

static bool
not_kept(const struct schedule *s, const struct schedule_entry *e)
{
    return s->network.used && !e->kept;
}

/* The channel took it so short a time before its last line that it would go out again if it were lost now. */
static bool
unsure(const struct schedule *s, const struct schedule_entry *e, unsigned channel, int64_t now_ms)
{
    const struct schedule_channel *c = &s->channel[channel];

    return c->powered && e->copies[channel] > 0 && e->first_ms[channel] >= now_ms - SCHEDULE_UNSURE_MS;
}

/* No copy of a line that is not needed is to follow. */
static bool
all_out(const struct schedule *s, const struct schedule_entry *e)
{
    for (unsigned c = 0; c < CONF_CHANNELS; c++) {
        if (s->channel[c].used &&
                (copy_due(s, e, c) != INT64_MAX || unsure(s, e, c, s->channel[c].done_ms))) {
            return false;
        }
    }
    return true;
}

/* How bad it would be if it left now: 2 when nobody else has it, 1 when a channel never got it. */
static unsigned
needed(const struct schedule *s, const struct schedule_entry *e)
{
    if (not_kept(s, e)) {
        return 2;
    }
    for (unsigned c = 0; c < CONF_CHANNELS; c++) {
        if (owed(s, e, c)) {
            return s->network.used ? 1 : 2;
        }
    }
    return 0;
}

/* True when `a` should leave before `b`, both needed as much: the less severe, then the older. */
static bool
leaves_before(const struct schedule_entry *a, const struct schedule_entry *b)
{
    if (a->line.severity != b->line.severity) {
        return a->line.severity > b->line.severity;
    }
    return a->line.number < b->line.number;
}

static void
forget_waiting(struct schedule_network *n, unsigned place)
{
    unsigned at = 0;

    while (at < n->count && n->waiting[(n->first + at) % SCHEDULE_LINES] != place) {
        at++;
    }
    n->given -= at < n->given ? 1 : 0;
    for (; at + 1 < n->count; at++) {
        n->waiting[(n->first + at) % SCHEDULE_LINES] = n->waiting[(n->first + at + 1) % SCHEDULE_LINES];
    }
    n->count--;
}

/* What is kept is no loss to a fallback channel: it goes over the network. */
static void
drop(struct schedule *s, const struct schedule_entry *e)
{
    bool lost = false;

    for (unsigned c = 0; c < CONF_CHANNELS; c++) {
        lost = lost || (owed(s, e, c) && !(e->kept && s->channel[c].fallback));
    }
    s->dropped += lost && (e->flags & SCHEDULE_UNCOUNTED) == 0 ? 1 : 0;
    if (not_kept(s, e)) {
        s->network.dropped++;
        forget_waiting(&s->network, (unsigned)(e - s->entry));
    }
}

static struct schedule_entry *
room(struct schedule *s)
{
    struct schedule_entry *victim = NULL;
    unsigned least = 0;

    for (unsigned i = 0; i < s->high; i++) {
        struct schedule_entry *e = &s->entry[i];
        unsigned need = needed(s, e);

        if (need == 0 && all_out(s, e)) {
            return e;
        }
        if (victim == NULL || need < least || (need == least && leaves_before(e, victim))) {
            victim = e;
            least = need;
        }
    }
    if (s->high < SCHEDULE_LINES) {
        return &s->entry[s->high++];
    }
    drop(s, victim);
    return victim;
}

static void
look_again(struct schedule *s)
{
    for (unsigned c = 0; c < CONF_CHANNELS; c++) {
        s->channel[c].quiet_ms = 0;
    }
}

/* A beat that a channel does not get counts there as one that it has. */
static void
leave_out_beat(struct schedule *s, struct schedule_entry *e)
{
    for (unsigned i = 0; i < CONF_CHANNELS; i++) {
        struct schedule_channel *c = &s->channel[i];

        if (c->beat_share > 1) {
            e->copies[i] = c->beats > 0 ? 1 : 0;
            c->beats = (c->beats + 1) % c->beat_share;
        }
    }
}

void
schedule_add(struct schedule *s, const struct session_line *line, unsigned flags)
{
    struct schedule_entry *e = room(s);
    struct schedule_network *n = &s->network;

    memset(e, 0, sizeof(*e));
    e->line = *line;
    e->flags = (uint8_t)flags;
    if (flags == SCHEDULE_BEAT) {
        leave_out_beat(s, e);
    }
    if (n->used) {
        n->waiting[(n->first + n->count++) % SCHEDULE_LINES] = (uint16_t)(e - s->entry);
    }
    look_again(s);
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
    if (((a->flags ^ b->flags) & SCHEDULE_FIRST) != 0) {
        return (a->flags & SCHEDULE_FIRST) != 0;
    }
    if (a->line.severity != b->line.severity) {
        return a->line.severity < b->line.severity;
    }
    return a->line.number < b->line.number;
}

const struct session_line *
schedule_next(struct schedule *s, unsigned channel, int64_t now_ms, int64_t *due_ms)
{
    const struct schedule_entry *best = NULL;
    struct schedule_channel *c = &s->channel[channel];

    *due_ms = c->quiet_ms;
    if (now_ms < c->quiet_ms) {
        return NULL;
    }
    *due_ms = INT64_MAX;
    for (unsigned i = 0; i < s->high; i++) {
        const struct schedule_entry *e = &s->entry[i];

        int64_t due = copy_due(s, e, channel);
        if (due != INT64_MAX && e->copies[channel] > 0 && due < c->repeat_from_ms) {
            due = c->repeat_from_ms;
        }
        if (due > now_ms) {
            *due_ms = due < *due_ms ? due : *due_ms;
        } else if (best == NULL || goes_before(e, best, channel)) {
            best = e;
        }
    }
    if (best != NULL) {
        return &best->line;
    }
    c->quiet_ms = *due_ms;
    return NULL;
}

/* After an outage copies that were due long ago count as one: the next is the first that is still ahead. */
static void
skip_missed(const struct schedule *s, struct schedule_entry *e, unsigned channel, int64_t now_ms)
{
    while (copy_due(s, e, channel) <= now_ms) {
        e->copies[channel]++;
    }
}

void
schedule_done(struct schedule *s, unsigned channel, uint32_t number, int64_t now_ms)
{
    struct schedule_channel *c = &s->channel[channel];

    c->done_ms = now_ms;
    for (unsigned i = 0; i < s->high; i++) {
        struct schedule_entry *e = &s->entry[i];

        if (e->line.number != number || (after_first_ms(e, channel) == INT64_MAX && !is_again(e, channel))) {
            continue;
        }
        if (e->copies[channel] > 0 && c->baud > 0) {
            int64_t time_ms = (int64_t)(e->line.len + LINE_END) * BITS_PER_BYTE * SECOND / c->baud + 1;
            c->repeat_from_ms = now_ms + (REPEAT_SHARE - 1) * time_ms;
        }
        if (is_again(e, channel)) {
            e->again &= (uint8_t) ~(1U << channel);
            e->first_ms[channel] = now_ms;
            return;
        }
        if (e->copies[channel]++ == 0) {
            e->first_ms[channel] = now_ms;
        }
        skip_missed(s, e, channel, now_ms);
        return;
    }
}

void
schedule_lost(struct schedule *s, unsigned channel, int64_t now_ms)
{
    for (unsigned i = 0; i < s->high; i++) {
        struct schedule_entry *e = &s->entry[i];

        if (unsure(s, e, channel, now_ms)) {
            e->again |= (uint8_t)(1U << channel);
        }
    }
    s->channel[channel].quiet_ms = 0;
}

unsigned
schedule_waiting(const struct schedule *s, unsigned channel)
{
    unsigned waiting = 0;

    for (unsigned i = 0; i < s->high; i++) {
        const struct schedule_entry *e = &s->entry[i];

        waiting += (e->copies[channel] == 0 && wanted(s, e, channel)) || is_again(e, channel) ? 1 : 0;
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

/* ---- the network ---- */

const struct session_line *
schedule_network_next(const struct schedule *s, unsigned window)
{
    const struct schedule_network *n = &s->network;

    if (n->given >= window || n->given == n->count) {
        return NULL;
    }
    return &s->entry[n->waiting[(n->first + n->given) % SCHEDULE_LINES]].line;
}

void
schedule_network_given(struct schedule *s)
{
    s->network.given++;
}

void
schedule_network_kept(struct schedule *s, uint32_t number)
{
    struct schedule_network *n = &s->network;

    /* Who was not told a line cannot keep it. */
    while (n->given > 0 && s->entry[n->waiting[n->first]].line.number <= number) {
        s->entry[n->waiting[n->first]].kept = true;
        n->first = (n->first + 1) % SCHEDULE_LINES;
        n->count--;
        n->given--;
    }
}

void
schedule_network_again(struct schedule *s)
{
    s->network.given = 0;
}

void
schedule_network_acked(struct schedule *s, uint32_t number)
{
    if (number >= s->network.acked) {
        s->network.acked = number + 1;
    }
}

void
schedule_network_lost(struct schedule *s, bool lost)
{
    s->network.lost = lost;
    look_again(s);
}

unsigned
schedule_network_waiting(const struct schedule *s)
{
    return s->network.count;
}

uint32_t
schedule_network_take_dropped(struct schedule *s)
{
    uint32_t n = s->network.dropped;

    s->network.dropped = 0;
    return n;
}
