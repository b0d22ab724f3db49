#ifndef ALARM_SCHEDULE_H
#define ALARM_SCHEDULE_H
/*
 * schedule - which line goes to which channel next
 *
 * Keeps the sealed lines and, for each channel, how many copies of each went out and when the next is due.
 * Copies spread in time beat any other redundancy on a line that is lost for minutes (firmware/wire/SPEC.md).
 * First copies go by severity, then by number; a beat and the session's start go before them. Repeats take at
 * most a quarter of a line's time.
 */
#include "alarm/session.h"
#include "conf/conf.h"

#define SCHEDULE_LINES 1024

struct schedule_entry {
    struct session_line line;
    bool first;
    uint8_t copies[CONF_CHANNELS]; /* copies that went out */
    int64_t sealed_ms;
    int64_t first_ms[CONF_CHANNELS]; /* when the first copy went out */
};

struct schedule_channel {
    bool used;
    uint32_t baud;          /* 0: not known, no limit on repeats */
    int64_t repeat_from_ms; /* no repeat before this */
};

struct schedule {
    struct schedule_entry entry[SCHEDULE_LINES];
    unsigned high; /* entries ever used: those beyond are never touched */
    struct schedule_channel channel[CONF_CHANNELS];
    uint32_t dropped; /* lines that had to leave before their last copy, since schedule_take_dropped() */
};

/* The object must be zero: memory that is never touched costs nothing. */
void schedule_init(struct schedule *s, const struct conf *conf);

/*
 * Keeps a line until its last copy is out. When all room is taken, the least severe and oldest line leaves,
 * and is counted if a channel never got it.
 */
void schedule_add(struct schedule *s, const struct session_line *line, bool first, int64_t now_ms);

/* The line to write to `channel` now, or NULL. *due_ms gets when to ask again if there is none (INT64_MAX:
 * never). */
const struct session_line *schedule_next(
        const struct schedule *s, unsigned channel, int64_t now_ms, int64_t *due_ms);

/* One copy of line `number` is out on `channel`. */
void schedule_done(struct schedule *s, unsigned channel, uint32_t number, int64_t now_ms);

/* Lines whose first copy has not gone out on `channel`. */
unsigned schedule_waiting(const struct schedule *s, unsigned channel);

uint32_t schedule_take_dropped(struct schedule *s);

#endif
