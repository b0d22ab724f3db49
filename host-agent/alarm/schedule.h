#ifndef ALARM_SCHEDULE_H
#define ALARM_SCHEDULE_H
/*
 * schedule - which line goes to which channel next
 *
 * Keeps the sealed lines and, for each channel, how many copies of each went out and when the next is due.
 * Copies spread in time beat any other redundancy on a line that is lost for minutes (firmware/wire/SPEC.md).
 * First copies go by severity, then by number; a beat and the session's start go before them. Repeats take at
 * most a quarter of a line's time.
 *
 * The network is no channel: its courier gets each line once, in the order of their numbers, and keeps it on
 * disk. What the receiver acknowledged needs no copies on a fallback channel, and none of the late ones (15
 * minutes and more) on any.
 */
#include "alarm/session.h"
#include "conf/conf.h"

#define SCHEDULE_LINES 1024
#define SCHEDULE_UNSURE_MS 5000 /* what a USB logger took longer ago is in its flash */

/* Flags of a line. */
#define SCHEDULE_FIRST 1u     /* goes before all others */
#define SCHEDULE_ALWAYS 2u    /* goes to each channel whatever its policy and floor */
#define SCHEDULE_UNCOUNTED 4u /* its loss is not counted: a beat, or what tells of the counting */
#define SCHEDULE_BEAT (SCHEDULE_FIRST | SCHEDULE_ALWAYS | SCHEDULE_UNCOUNTED)

/* What each look at the table reads lies together, the text at the end. */
struct schedule_entry {
    int64_t first_ms[CONF_CHANNELS]; /* when the first copy went out */
    uint8_t copies[CONF_CHANNELS];   /* copies that went out */
    uint8_t flags;
    bool kept;     /* the courier has it in its spool */
    uint8_t again; /* a bit a channel: the copy that went out may be lost */
    struct session_line line;
};

struct schedule_channel {
    bool used;
    bool fallback;          /* silent but for its beats and what is grave, until the network is lost */
    uint8_t floor;          /* enum wire_severity: what is less severe does not go there */
    bool once;              /* what it got it keeps: it gets one copy of each line */
    bool powered;           /* by the host: what it got last may be lost with its power */
    int64_t done_ms;        /* when the last line went out */
    uint32_t beat_share;    /* of so many beats it gets one */
    uint32_t beats;         /* since it got one, and that one */
    uint32_t baud;          /* 0: not known, no limit on repeats */
    int64_t repeat_from_ms; /* no repeat before this */
    int64_t quiet_ms;       /* nothing is due before this */
};

/* What the courier does not have in its spool yet, in the order of the numbers: a ring. */
struct schedule_network {
    bool used;
    bool lost; /* lines have to go where no network is needed */
    uint16_t waiting[SCHEDULE_LINES];
    unsigned first;
    unsigned count;
    unsigned given;   /* of these, from the first on: the courier was told them */
    uint32_t acked;   /* what is kept and has a lower number is acknowledged */
    uint32_t dropped; /* lines that had to leave before the courier kept them */
};

struct schedule {
    struct schedule_entry entry[SCHEDULE_LINES];
    unsigned high; /* entries ever used: those beyond are never touched */
    struct schedule_channel channel[CONF_CHANNELS];
    struct schedule_network network;
    uint32_t dropped; /* lines that a channel never got, since schedule_take_dropped() */
};

/*
 * The object must be zero: memory that is never touched costs nothing. A printer and a USB logger get each
 * line once unless it may be lost, and a printer no more than a beat an hour: a beat each ten seconds would
 * be 130 pages a day.
 */
void schedule_init(struct schedule *s, const struct conf *conf);

/*
 * Keeps a line until its last copy is out and the courier keeps it. When all room is taken, the least severe
 * and oldest line leaves, and is counted if a channel or the courier never got it; those that nobody else has
 * leave last.
 */
void schedule_add(struct schedule *s, const struct session_line *line, unsigned flags);

/* The line to write to `channel` now, or NULL. *due_ms gets when to ask again if there is none (INT64_MAX:
 * never). */
const struct session_line *schedule_next(
        struct schedule *s, unsigned channel, int64_t now_ms, int64_t *due_ms);

/* One copy of line `number` is out on `channel`. */
void schedule_done(struct schedule *s, unsigned channel, uint32_t number, int64_t now_ms);

/*
 * The device of `channel` is gone. What it took in the last SCHEDULE_UNSURE_MS goes out again, at the pace of
 * repeats, if it was one that lives by the host's power.
 */
void schedule_lost(struct schedule *s, unsigned channel, int64_t now_ms);

/* Lines that should go to `channel` and of which no copy has gone out, or one that may be lost. */
unsigned schedule_waiting(const struct schedule *s, unsigned channel);

uint32_t schedule_take_dropped(struct schedule *s);

/* ---- the network ---- */

/* The line to tell the courier now, when less than `window` of those it was told are not kept; or NULL. */
const struct session_line *schedule_network_next(const struct schedule *s, unsigned window);

/* It was told that line. */
void schedule_network_given(struct schedule *s);

/* It keeps line `number` and all before. */
void schedule_network_kept(struct schedule *s, uint32_t number);

/* There is a new courier: it is told again all that is not kept. */
void schedule_network_again(struct schedule *s);

/* The receiver has line `number` and all that was sent before it. */
void schedule_network_acked(struct schedule *s, uint32_t number);

/* From now on the network is lost, or not. */
void schedule_network_lost(struct schedule *s, bool lost);

/* Lines that the courier does not keep yet. */
unsigned schedule_network_waiting(const struct schedule *s);

uint32_t schedule_network_take_dropped(struct schedule *s);

#endif
