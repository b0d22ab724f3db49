#include "logger/harvest.h"

#include <string.h>

#include "usb/usb.h"

enum part {
    PART_WAIT, /* for the host */
    PART_HEAD,
    PART_RECORDS,
    PART_END, /* the last frame is on its way */
    PART_DONE,
};

void
harvest_init(struct harvest *h)
{
    memset(h, 0, sizeof(*h));
}

static void
begin(struct harvest *h, uint32_t begun)
{
    harvest_init(h);
    h->begun = begun;
    h->part = PART_HEAD;
}

static void
put_head(struct harvest *h, const char *serial)
{
    struct dump_head head = { .committed = store_committed() };
    struct store_counts counts;

    store_counts(&counts);
    head.boot = counts.boots;
    head.harvested = counts.harvested;
    memcpy(head.serial, serial, strlen(serial) < DUMP_SERIAL ? strlen(serial) : DUMP_SERIAL);
    h->len = (uint16_t)dump_put_head(&head, h->frame);
    h->part = PART_RECORDS;
}

static void
put_record(struct harvest *h, const struct store_record *record)
{
    const struct dump_record out = {
        .class = record->class == STORE_KEPT ? DUMP_KEPT : DUMP_RING,
        .number = record->number,
        .boot = record->boot,
        .bytes = record->bytes,
        .len = record->len,
    };

    h->len = (uint16_t)dump_put_record(&out, h->frame);
    h->end.records++;
    h->end.last = record->number;
}

static void
put_end(struct harvest *h)
{
    h->end.spoilt = h->cursor.damaged;
    h->len = (uint16_t)dump_put_end(&h->end, h->frame);
    h->part = PART_END;
}

/* The next frame, if one can be had now: nothing is read while the flash works. */
static void
put_next(struct harvest *h, const char *serial)
{
    struct store_record record;
    int got;

    if (!store_idle()) {
        return;
    }
    if (h->part == PART_HEAD) {
        put_head(h, serial);
    } else {
        got = store_next(&h->cursor, &record);
        if (got > 0) {
            put_record(h, &record);
        } else if (got == 0) {
            put_end(h);
        } else {
            return;
        }
    }
    h->at = 0;
}

enum harvest_news
harvest_poll(struct harvest *h, const char *serial)
{
    uint32_t begun = usb_dump_begun();

    if (begun != h->begun) {
        begin(h, begun);
        return HARVEST_BEGUN;
    }
    if (h->part == PART_WAIT || h->part == PART_DONE) {
        return HARVEST_NOTHING;
    }
    if (h->at == h->len && h->part != PART_END) {
        put_next(h, serial);
    }
    h->at = (uint16_t)(h->at + usb_dump_write(h->frame + h->at, (size_t)(h->len - h->at)));
    if (h->part == PART_END && h->at == h->len && usb_dump_taken()) {
        h->part = PART_DONE;
        return HARVEST_TAKEN;
    }
    return HARVEST_NOTHING;
}

uint32_t
harvest_last(const struct harvest *h)
{
    return h->end.last;
}
