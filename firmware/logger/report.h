#ifndef LOGGER_REPORT_H
#define LOGGER_REPORT_H
/*
 * report - the notes of the recorder that wait to be stored and sent
 *
 * One an image. Bounded: a note that finds no room is counted, and the next one tells how many (more=). Of
 * each kind the first REPORT_KEPT since the start are for the reserve, those behind them for the ring:
 * whoever can make the recorder speak shall not fill the reserve with that.
 */
#include "logger/note.h"

#define REPORT_WAITING 8
#define REPORT_KEPT 16

enum report_kind {
    REPORT_BOOT,   /* after power came */
    REPORT_REBOOT, /* by the watchdog or after a fault */
    REPORT_SILENT,
    REPORT_BACK,
    REPORT_HOSTS,
    REPORT_ACK,
    REPORT_DTR_LOST,
    REPORT_DTR_BACK,
    REPORT_VBUS_LOST,
    REPORT_VBUS_BACK,
    REPORT_RESERVE_FULL,
    REPORT_RESERVE_FREE,
    REPORT_LOST,
    REPORT_OUT,
    REPORT_FAULT,
    REPORT_HARVESTED,
    REPORT_BEAT, /* only sent */
    REPORT_KINDS
};

struct report_note {
    char line[NOTE_MAX];
    uint8_t len;
    bool keep;  /* in the reserve */
    bool store; /* at all */
};

struct report {
    struct note_place place;
    struct report_note waiting[REPORT_WAITING]; /* a ring */
    uint8_t first;
    uint8_t count;
    uint8_t told[REPORT_KINDS]; /* of each kind, up to REPORT_KEPT */
    uint32_t dropped;           /* since a note found room */
};

/* serial stays the caller's. */
void report_init(struct report *r, const char *serial, uint32_t boot);

/* At most NOTE_DETAILS - 1 details. */
void report_add(struct report *r, enum report_kind kind, const struct note_detail *details, unsigned count,
        uint32_t uptime_s);

/* The oldest that waits, or NULL; valid until report_done(). */
const struct report_note *report_next(const struct report *r);

void report_done(struct report *r);

#endif
