#ifndef ALARM_STATUS_H
#define ALARM_STATUS_H
/*
 * status - how a detector is: what it hears, what its last pass saw, how far the running one is
 *
 * One fixed-size message, made when somebody asks. A detector fills it in its status(); the core keeps the
 * last one of each and hands it to whoever asks on the control socket. Its texts are printable ASCII.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STATUS_NAME 16
#define STATUS_TEXT 256 /* three sources that are missing, and why */
#define STATUS_DETECTORS 16

enum status_state {
    STATUS_OK,
    STATUS_REDUCED, /* an event source is missing or something may not be looked at: passes do the work */
    STATUS_BLIND,   /* it cannot guard at all */
    STATUS_STATES
};

struct detector_status {
    char name[STATUS_NAME];
    uint8_t state; /* enum status_state */
    uint8_t left;  /* statuses of the same process still to come */
    uint8_t reserved[2];
    uint32_t took_ms;          /* by the last whole pass */
    int64_t pass_ms;           /* when it ended, CLOCK_BOOTTIME; 0: none yet */
    uint64_t looked;           /* things it looked at */
    uint64_t done;             /* of the pass that runs now */
    uint64_t total;            /* as far as is known; 0: unknown, or none runs */
    char sources[STATUS_TEXT]; /* "proc connector, pidfds" */
    char note[STATUS_TEXT];    /* what else a person should know */
};

void status_init(struct detector_status *s, const char *name);

/* Adds to the list of sources. What is not printable becomes "?"; what does not fit is cut. */
void status_source(struct detector_status *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Adds to the notes. */
void status_note(struct detector_status *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Makes the state at least as bad as this. */
void status_lower(struct detector_status *s, enum status_state state);

/* A source that is there (error 0), or one that is missing and why: then the state is at least reduced. */
void status_source_or(struct detector_status *s, const char *source, int error, const char *instead);

/* "ok", "reduced", "blind". */
const char *status_state_name(enum status_state state);

bool status_valid(const void *message, size_t len);

/* The last status of each detector by name. The object must be zero at first. */
struct status_table {
    struct status_entry {
        struct detector_status status;
        int64_t heard_ms;
    } entry[STATUS_DETECTORS];
    unsigned count;
};

/* A valid message. A name too many is left out. */
void status_keep(struct status_table *t, const struct detector_status *s, int64_t now_ms);

#endif
