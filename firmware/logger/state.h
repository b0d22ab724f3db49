#ifndef LOGGER_STATE_H
#define LOGGER_STATE_H
/*
 * state - all that the recorder knows between two turns; for the files of this directory only
 *
 * One: app.
 */
#include "hal/reset.h"
#include "hal/uart.h"
#include "logger/button.h"
#include "logger/copies.h"
#include "logger/deadman.h"
#include "logger/harvest.h"
#include "logger/intake.h"
#include "logger/outq.h"
#include "logger/panel.h"
#include "logger/recall.h"
#include "logger/report.h"
#include "logger/signal.h"

#define STATE_LINE_END "\r\n"

/* Something that is lost now and then: what was told of it, and when more may be. */
struct losses {
    uint32_t told;
    uint32_t next_s;
};

struct app {
    enum mode mode;
    bool log_open;
    uint8_t ticks; /* in this second */
    uint8_t start_ticks;
    uint64_t tick_us; /* when the next one is due */
    uint32_t uptime_s;
    enum hal_reset_cause cause;
    uint32_t session; /* of the last line that was stored */
    uint32_t number;
    bool mark_due;
    uint32_t mark_upto;  /* number of a record */
    uint8_t first_input; /* of this turn */
    bool reserve_full;
    uint32_t records_lost; /* as the log counts them */
    char serial[HAL_SERIAL_SIZE];
    char out[WIRE_LINE_MAX + sizeof(STATE_LINE_END)]; /* the line being sent */
    uint8_t out_len;
    uint8_t out_at;
    struct losses overruns[HAL_UARTS];
    struct losses unsent;
    uint32_t unsaved; /* lines, as there is no log */
    struct signal dtr;
    struct signal vbus;
    struct button button;
    struct panel panel;
    struct deadman deadman;
    struct intake intake[INTAKES];
    struct copies_key copies_key;
    struct copies copies[STORE_CLASSES];
    struct outq outq;
    struct report report;
    struct harvest harvest;
    struct recall recall;
};

extern struct app app;

/* lines.c: from the inputs to the log and to the console. */

/* Takes what has come; true when there may be more at once. */
bool lines_poll(void);

/* Queues and stores one of the notes that wait. */
void lines_notes(void);

/* Gives the console's transmitter what it takes. */
void lines_send(void);

/* watch.c: what is looked at again and again. */

/* Each BUTTON_SAMPLE_MS. */
void watch_tick(void);

/* Each second. */
void watch_second(void);

/* A person came. */
void watch_acknowledge(void);

/* What the dead-man says of a line or of a look. */
void watch_silence(const struct deadman_event *event);

/* Something of the device is broken: `what` is a word, `lost` how many records are known to be gone. */
void watch_fault(const char *what, uint32_t lost);

/* status.c: what a USB host may know. */
struct usb_status;
void status_fill(struct usb_status *out);

/* app.c */

/* An alarm has come: it is so and over at once. */
void state_alarm(void);

/* Queues a note. */
void state_tell(enum report_kind kind, const struct note_detail *details, unsigned count);

#endif
