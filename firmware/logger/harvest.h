#ifndef LOGGER_HARVEST_H
#define LOGGER_HARVEST_H
/*
 * harvest - the log, from its first record to its last, out of the device (dump/SPEC.md)
 *
 * One an image, over store/ and usb/. Begins again from the first byte whenever the host does.
 */
#include "dump/dump.h"
#include "store/store.h"

enum harvest_news {
    HARVEST_NOTHING,
    HARVEST_BEGUN, /* by the host */
    HARVEST_TAKEN, /* the host has acknowledged the last byte; once a dump */
};

struct harvest {
    struct store_cursor cursor;
    uint32_t begun; /* as usb_dump_begun() said */
    struct dump_end end;
    uint8_t part;
    uint16_t len; /* of `frame` */
    uint16_t at;  /* how much of it was given */
    uint8_t frame[DUMP_FRAME_MAX];
};

void harvest_init(struct harvest *h);

/* Gives what the host takes; at most one frame is begun in a call. */
enum harvest_news harvest_poll(struct harvest *h, const char *serial);

/* The number of the last record that was given; 0: none. */
uint32_t harvest_last(const struct harvest *h);

#endif
