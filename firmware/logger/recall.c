#include "logger/recall.h"

#include <string.h>

#include "logger/note.h"

#define PART_FIRST COPIES_KEPT
#define PART_GROWS 4 /* by so much is each part larger than the one that is newer */

void
recall_init(struct recall *r)
{
    memset(r, 0, sizeof(*r));
}

bool
recall_holds(const struct recall *r, uint32_t uptime_s)
{
    return !r->done && !r->newest && uptime_s < RECALL_HOLD_S;
}

static void
begin_part(struct recall *r)
{
    uint32_t numbers = r->upto - r->harvested;

    r->from = r->upto - (numbers < r->part ? numbers : r->part);
    store_seek(&r->cursor, r->from);
}

static void
finish(struct recall *r)
{
    r->done = true;
    r->known = true;
}

static void
begin(struct recall *r)
{
    struct store_counts counts;

    store_counts(&counts);
    r->harvested = counts.harvested;
    r->upto = store_committed();
    r->part = PART_FIRST;
    if (r->upto <= r->harvested) {
        finish(r);
    } else {
        begin_part(r);
    }
}

static void
look(struct recall *r, const struct store_record *record, const struct copies_key *key,
        struct copies windows[STORE_CLASSES])
{
    const char *bytes = (const char *)record->bytes;
    struct wire_line line;
    struct copies_mark mark;
    struct copies *window;

    if (note_is(bytes, record->len, "logger.ack")) {
        r->acknowledged = true;
        r->alarm = r->known && r->alarm;
    } else if (wire_line_parse(bytes, record->len, &line) == 0) {
        window = &windows[line.head.severity <= WIRE_ERRO ? STORE_KEPT : STORE_RING];
        mark = copies_mark_of(key, &line);
        if (!copies_seen(window, &mark)) {
            copies_add_older(window, &mark);
        }
        r->alarm = r->alarm || (!r->known && line.head.severity <= WIRE_ERRO);
    }
}

/* True when it is known now that an alarm calls. */
static bool
end_part(struct recall *r, const struct copies windows[STORE_CLASSES])
{
    bool was_known = r->known;

    r->newest = true;
    r->known = was_known || r->acknowledged || r->alarm;
    r->upto = r->from;
    r->part = r->part <= UINT32_MAX / PART_GROWS ? r->part * PART_GROWS : UINT32_MAX;
    if (r->upto == r->harvested ||
            (r->known && copies_full(&windows[STORE_KEPT]) && copies_full(&windows[STORE_RING]))) {
        finish(r);
    } else {
        begin_part(r);
    }
    return r->alarm && !was_known;
}

bool
recall_poll(struct recall *r, const struct copies_key *key, struct copies windows[STORE_CLASSES])
{
    struct store_record record;
    int got;

    if (r->done || !store_idle()) {
        return false;
    }
    if (r->upto == 0) {
        begin(r);
        return false;
    }
    got = store_next(&r->cursor, &record);
    if (got < 0) {
        return false;
    }
    if (got > 0 && record.number <= r->upto) {
        look(r, &record, key, windows);
        return false;
    }
    return end_part(r, windows);
}
