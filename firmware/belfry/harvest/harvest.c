#include "belfry/harvest/harvest.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define GOES_ON 1

/* GOES_ON or -errno. */
static int
take_head(struct harvest *h, const struct dump_head *head)
{
    if (h->headed || (h->begun && strcmp(h->head.serial, head->serial) != 0)) {
        return -EPROTO;
    }
    h->headed = true;
    if (!h->begun) {
        h->begun = true;
        h->head = *head;
        h->ops->head(h->to, head);
    }
    return GOES_ON;
}

static int
take_record(struct harvest *h, const struct dump_record *record)
{
    if (!h->headed || h->records == HARVEST_RECORDS_MOST) {
        return -EPROTO;
    }
    h->frames++;
    if (record->number <= h->numbered) {
        h->disorder++;
        return GOES_ON;
    }
    h->numbered = record->number;
    if (record->number <= h->last) {
        return GOES_ON;
    }
    h->gaps += h->last > 0 ? record->number - h->last - 1 : 0;
    h->last = record->number;
    h->records++;
    return h->ops->record(h->to, record) ? GOES_ON : -ECANCELED;
}

static int
take_end(struct harvest *h, const struct dump_end *end)
{
    if (!h->headed) {
        return -EPROTO;
    }
    h->damaged = end->records > h->frames ? end->records - h->frames : 0;
    h->spoilt = end->spoilt;
    return end->records < h->frames ? -EPROTO : 0;
}

static int
take_frame(struct harvest *h, const struct dump_frame *f)
{
    switch (f->kind) {
    case DUMP_HEAD:
        return take_head(h, &f->head);
    case DUMP_RECORD:
        return take_record(h, &f->record);
    case DUMP_END:
        return take_end(h, &f->end);
    }
    return -EPROTO;
}

/* 0 at the end, GOES_ON before it, or -errno. */
static int
take_bytes(struct harvest *h, const uint8_t *src, size_t len)
{
    struct dump_frame f;
    size_t took;

    while (dump_feed(&h->reader, src, len, &took, &f) == DUMP_FOUND) {
        int taken = take_frame(h, &f);

        if (taken != GOES_ON) {
            return taken;
        }
        src += took;
        len -= took;
    }
    return h->reader.rubbish > HARVEST_RUBBISH_MOST ? -EPROTO : GOES_ON;
}

static int
read_once(struct harvest *h, const struct port_ops *port)
{
    static uint8_t bytes[4096];
    int error = port->begin();
    int taken = GOES_ON;

    dump_reader_init(&h->reader);
    h->headed = false;
    h->frames = 0;
    h->numbered = 0;
    while (error == 0 && taken == GOES_ON) {
        int n = port->read(bytes, sizeof bytes, HARVEST_READ_MS);

        if (n > 0) {
            taken = take_bytes(h, bytes, (size_t)n);
        } else {
            error = n < 0 ? n : -ETIMEDOUT;
        }
    }
    h->rubbish += h->reader.rubbish;
    return error < 0 ? error : taken;
}

int
harvest_run(struct harvest *h, const struct port_ops *port, const char *device)
{
    const struct timespec pause = { .tv_sec = h->pause_ms / 1000, .tv_nsec = h->pause_ms % 1000 * 1000000L };
    int error = -ENODEV;

    while (h->tries < HARVEST_TRIES) {
        if (h->tries++ > 0) {
            (void)nanosleep(&pause, NULL);
        }
        int opened = port->open(device);

        if (opened == 0) {
            error = read_once(h, port);
            port->close();
        } else if (!h->begun) {
            return opened;
        }
        if (error == 0 || !h->begun || error == -EPROTO || error == -ECANCELED) {
            return error;
        }
    }
    return error;
}
