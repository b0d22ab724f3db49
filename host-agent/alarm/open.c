#include "alarm/open.h"
#include <string.h>

#define WHOLE 1000u /* one finding in the bucket's unit */
#define BUCKET ((int64_t)OPEN_BURST * WHOLE)

void
open_init(struct open_table *t, int64_t now_ms)
{
    t->tokens_ms = now_ms;
    t->tokens = (uint32_t)BUCKET;
}

static bool
waits(const struct open_entry *e)
{
    return e->state == OPEN_UNTOLD || e->state == OPEN_UPDATED || e->state == OPEN_CLOSED;
}

static void
set_state(struct open_table *t, struct open_entry *e, enum open_state state)
{
    unsigned before = waits(e) ? 1 : 0;

    e->state = (uint8_t)state;
    t->waiting = t->waiting - before + (waits(e) ? 1 : 0);
}

static uint16_t *
bucket_of(struct open_table *t, const uint8_t id[FINDING_ID_SIZE])
{
    return &t->bucket[(id[0] | (unsigned)id[1] << 8) % OPEN_BUCKETS];
}

static struct open_entry *
find(struct open_table *t, const struct finding *f)
{
    for (uint16_t i = *bucket_of(t, f->id); i != 0; i = t->entry[i - 1].next) {
        struct open_entry *e = &t->entry[i - 1];

        if (!e->event && memcmp(e->finding.id, f->id, sizeof(f->id)) == 0) {
            return e;
        }
    }
    return NULL;
}

static void
release(struct open_table *t, struct open_entry *e)
{
    uint16_t self = (uint16_t)(e - t->entry + 1);
    uint16_t *link = bucket_of(t, e->finding.id);

    while (*link != self) {
        link = &t->entry[*link - 1].next;
    }
    *link = e->next;
    t->held[e->finding.source]--;
    e->next = t->free;
    t->free = self;
}

static struct open_entry *
free_entry(struct open_table *t)
{
    if (t->free != 0) {
        struct open_entry *e = &t->entry[t->free - 1];
        t->free = e->next;
        return e;
    }
    return t->high < OPEN_FINDINGS ? &t->entry[t->high++] : NULL;
}

static void
add(struct open_table *t, const struct finding *f, bool event, bool over)
{
    struct open_entry *e = t->held[f->source] < OPEN_SHARE ? free_entry(t) : NULL;

    if (e == NULL) {
        t->turned_away++;
        return;
    }
    t->held[f->source]++;
    memset(e, 0, sizeof(*e));
    e->finding = *f;
    e->event = event;
    e->over = over;
    e->pass = t->pass[f->source];
    e->order = t->order++;
    uint16_t *head = bucket_of(t, f->id);
    e->next = *head;
    *head = (uint16_t)(e - t->entry + 1);
    set_state(t, e, OPEN_UNTOLD);
}

static bool
same_trouble(const struct open_entry *e, const struct finding *f)
{
    return e->finding.code == f->code && strcmp(e->finding.text, f->text) == 0;
}

static void
take_open(struct open_table *t, const struct finding *f)
{
    struct open_entry *e = find(t, f);

    if (e == NULL) {
        add(t, f, false, false);
        return;
    }
    e->pass = t->pass[f->source];
    e->over = false;
    if (e->state == OPEN_CLOSED || !same_trouble(e, f)) {
        bool told = e->state != OPEN_UNTOLD;

        e->finding = *f;
        set_state(t, e, told ? OPEN_UPDATED : OPEN_UNTOLD);
    }
}

/* What closes before it was told is told all the same: first that it opened, then that it is over. */
static void
take_close(struct open_table *t, struct open_entry *e)
{
    if (e->state == OPEN_UNTOLD || e->state == OPEN_UPDATED) {
        e->over = true;
    } else {
        set_state(t, e, OPEN_CLOSED);
    }
}

static void
end_pass(struct open_table *t, enum finding_source source)
{
    for (unsigned i = 0; i < t->high; i++) {
        struct open_entry *e = &t->entry[i];

        if (e->state != OPEN_FREE && !e->event && e->finding.source == source && e->pass != t->pass[source]) {
            take_close(t, e);
        }
    }
}

void
open_take(struct open_table *t, const struct finding *f)
{
    struct open_entry *e;

    switch ((enum finding_op)f->op) {
    case FINDING_OPEN:
        take_open(t, f);
        break;
    case FINDING_CLOSE:
        e = find(t, f);
        if (e != NULL) {
            take_close(t, e);
        }
        break;
    case FINDING_EVENT:
        add(t, f, true, false);
        break;
    case FINDING_BRIEF:
        /* On top of an open finding it is news of that one: its next OPEN says how it goes on. */
        if (find(t, f) != NULL) {
            take_open(t, f);
        } else {
            add(t, f, true, true);
        }
        break;
    case FINDING_PASS_BEGIN:
        t->pass[f->source]++;
        break;
    case FINDING_PASS_END:
        end_pass(t, (enum finding_source)f->source);
        break;
    case FINDING_OPS:
        break;
    }
}

static void
fill_bucket(struct open_table *t, int64_t now_ms)
{
    int64_t gained = (now_ms - t->tokens_ms) * OPEN_RATE * WHOLE / 1000;

    if (gained > 0) {
        int64_t tokens = t->tokens + gained;
        t->tokens = (uint32_t)(tokens > BUCKET ? BUCKET : tokens);
        t->tokens_ms = now_ms;
    }
}

/* In a flood the sources take turns: whoever can provoke grave findings must not hold up those of others. */
static bool
goes_before(const struct open_table *t, const struct open_entry *a, const struct open_entry *b)
{
    uint64_t a_turn = t->turn[a->finding.source];
    uint64_t b_turn = t->turn[b->finding.source];

    if (t->waiting > OPEN_RATE && a_turn != b_turn) {
        return a_turn < b_turn;
    }
    if (a->finding.severity != b->finding.severity) {
        return a->finding.severity < b->finding.severity;
    }
    return a->order < b->order;
}

struct open_entry *
open_next(struct open_table *t, int64_t now_ms, int64_t *due_ms)
{
    struct open_entry *best = NULL;

    *due_ms = INT64_MAX;
    if (t->waiting == 0) {
        return NULL;
    }
    fill_bucket(t, now_ms);
    for (unsigned i = 0; i < t->high; i++) {
        struct open_entry *e = &t->entry[i];

        if (!waits(e)) {
            continue;
        }
        if (e->state == OPEN_UPDATED && e->told_ms + OPEN_UPDATE_MS > now_ms) {
            *due_ms = e->told_ms + OPEN_UPDATE_MS < *due_ms ? e->told_ms + OPEN_UPDATE_MS : *due_ms;
        } else if (best == NULL || goes_before(t, e, best)) {
            best = e;
        }
    }
    if (best != NULL && t->tokens < WHOLE) {
        *due_ms = now_ms + (WHOLE - t->tokens) / OPEN_RATE + 1;
        return NULL;
    }
    return best;
}

void
open_told(struct open_table *t, struct open_entry *e, uint32_t number, int64_t now_ms)
{
    t->tokens -= t->tokens >= WHOLE ? WHOLE : t->tokens;
    t->turn[e->finding.source] = ++t->turns;
    e->number = number;
    e->told_ms = now_ms;
    e->since_ms = e->since_ms == 0 ? now_ms : e->since_ms;
    if (e->state == OPEN_CLOSED || (e->event && !e->over)) {
        set_state(t, e, OPEN_FREE);
        release(t, e);
    } else {
        set_state(t, e, e->over ? OPEN_CLOSED : OPEN_TOLD);
        e->over = false;
    }
}

void
open_list_grave(struct open_table *t, uint32_t number)
{
    memmove(t->grave + 1, t->grave, sizeof(t->grave) - sizeof(t->grave[0]));
    t->grave[0] = number;
    t->graves += t->graves < OPEN_LISTED ? 1 : 0;
}

static bool
is_open(const struct open_entry *e)
{
    return e->state != OPEN_FREE && e->state != OPEN_CLOSED && !e->event;
}

unsigned
open_count(const struct open_table *t)
{
    unsigned n = 0;

    for (unsigned i = 0; i < t->high; i++) {
        n += is_open(&t->entry[i]) ? 1 : 0;
    }
    return n;
}

const struct open_entry *
open_from(const struct open_table *t, unsigned from)
{
    for (unsigned i = from; i < t->high; i++) {
        if (is_open(&t->entry[i])) {
            return &t->entry[i];
        }
    }
    return NULL;
}

uint32_t
open_take_turned_away(struct open_table *t)
{
    uint32_t n = t->turned_away;

    t->turned_away = 0;
    return n;
}
