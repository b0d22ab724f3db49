#ifndef BELFRY_TRANSCRIPT_TRANSCRIPT_H
#define BELFRY_TRANSCRIPT_TRANSCRIPT_H
/*
 * transcript - everything a line carried: NAME.raw, the bytes as they came, and NAME.idx (mark.h), when they
 * came
 *
 * One a line. Append-only; what is large or old enough is rotated away (part.h) and never written again. A
 * disk that is full never stops the line: bytes are counted as lost, and writing goes on when there is room,
 * behind a mark of how many are missing. Bytes of busy lines wait in shared memory for TRANSCRIPT_FLUSH_MS,
 * so that a thousand lines are not a thousand writes each tick. The first bytes after a pause are written at
 * once with their time; times that follow wait for each other: what belfry is killed with is a second's.
 */
#include "belfry/transcript/mark.h"

#include <stdbool.h>
#include <stddef.h>

#define TRANSCRIPT_ROTATE_SIZE (UINT64_C(64) << 20) /* when nothing else is said */
#define TRANSCRIPT_INDEX_MS 100                     /* at most one time in so long */
#define TRANSCRIPT_TIMES_MS 1000                    /* so long a time of a busy line waits for others */
#define TRANSCRIPT_TIMES 16                         /* those of a second, and of bytes that wait themselves */
#define TRANSCRIPT_RETRY_MS 500
#define TRANSCRIPT_FLUSH_MS 250
#define TRANSCRIPT_CHUNK 2048
#define TRANSCRIPT_AT_ONCE 1024 /* so many bytes wait for no others */
#define TRANSCRIPT_CHUNKS 1024  /* for all lines together: 2 MiB at most */
#define TRANSCRIPT_NAME 32      /* with the NUL */

struct part_newest;
struct transcript;
struct transcript_chunk;

/* What the transcripts of one belfry share. One object a process. */
struct transcripts {
    int dir;           /* STATE/lines; the caller's */
    uint64_t floor;    /* so many bytes of its file system are not ours; 0 for none */
    bool held;         /* less than half of that is free, so the keeper could not help: nothing is written */
    uint64_t reserved; /* the caller's: bytes of what is free that are for others */
    uint64_t written;  /* since the last look at what is free */
    int64_t look_ms;
    bool survey;                /* between transcripts_survey() and transcripts_surveyed() */
    struct part_newest *newest; /* of it, once somebody needed it */
    unsigned chunks;            /* made so far */
    struct transcript_chunk *spare;
    struct transcript *first; /* those with waiting bytes, oldest first */
    struct transcript *last;
};

struct transcript {
    struct transcripts *all;
    void *owner; /* the caller's */
    char name[TRANSCRIPT_NAME];
    int raw;
    int index;
    uint64_t base;  /* of NAME.raw: bytes of the line in parts before it */
    uint64_t size;  /* of NAME.raw */
    uint32_t marks; /* in NAME.idx */
    int error;      /* errno of the trouble that lasts, 0 when there is none */
    uint64_t skip;  /* so many of the next bytes are in it already */
    uint64_t lost;  /* since the last byte that was written */
    uint64_t lost_all;
    uint64_t event[TRANSCRIPT_EVENTS]; /* values that could not be written yet */
    bool event_waits;
    unsigned times; /* that are not in NAME.idx yet, by offset */
    struct transcript_time {
        uint64_t offset;
        uint64_t utc_ns;
    } time[TRANSCRIPT_TIMES];
    int64_t index_ms;
    int64_t times_ms; /* since when they wait */
    int64_t retry_ms;
    int64_t begun_ms;               /* UTC of its first byte, 0 while there is none */
    int64_t turn_ms;                /* not rotated before, after it failed */
    uint64_t rotate_size;           /* the caller's: 0 for no bound */
    int64_t rotate_age_ms;          /* the caller's: 0 for no bound */
    bool direct;                    /* the caller's: nothing waits */
    struct transcript_chunk *chunk; /* bytes that wait; NULL for none */
    struct transcript *before;
    struct transcript *next;
};

enum transcript_change {
    TRANSCRIPT_SAME,
    TRANSCRIPT_FAILED,  /* bytes were lost, the ones before were not */
    TRANSCRIPT_RESUMED, /* writing goes on */
};

/* `floor` as the configuration says it. */
void transcripts_init(struct transcripts *all, int dir, uint64_t floor);

/* The first transcript without an index that is opened until transcripts_surveyed() looks which parts there
 * are for all the others, too: else each reads the whole directory. */
void transcripts_survey(struct transcripts *all);

void transcripts_surveyed(struct transcripts *all);

/* Frees what no transcript holds any more: after transcript_close() of all. */
void transcripts_free(struct transcripts *all);

/* Looks at the free space, at most each second. A turn of the loop. */
void transcripts_look(struct transcripts *all, int64_t now_ms);

/* When transcripts_due() has one; INT64_MAX while nothing waits. */
int64_t transcripts_due_ms(const struct transcripts *all);

/* The transcript whose bytes have waited long enough, for transcript_flush(); NULL when there is none. */
struct transcript *transcripts_due(const struct transcripts *all, int64_t now_ms);

/* Opens or makes both files, and finishes a rotation that was cut short. 0 or -errno. */
int transcript_open(struct transcript *t, struct transcripts *all, const char *name);

/* Writes what waits. */
void transcript_close(struct transcript *t, int64_t now_ms);

enum transcript_change transcript_append(
        struct transcript *t, const uint8_t *src, size_t len, int64_t utc_us, int64_t now_ms);

enum transcript_change transcript_flush(struct transcript *t, int64_t now_ms);

/* Writes times that have waited long enough. Each second or so. */
void transcript_settle(struct transcript *t, int64_t now_ms);

/* Marks what happened `back` bytes before the end of what was appended last. Counts that cannot be written
 * now are added up and written when the disk has room. */
void transcript_mark_event(struct transcript *t, enum transcript_event what, uint64_t value, size_t back,
        int64_t utc_us, int64_t now_ms);

/* Rotates when it is due. True when there is a new part. */
bool transcript_turn(struct transcript *t, int64_t utc_ms, int64_t now_ms);

/* All bytes of the line that were written, in all parts. */
uint64_t transcript_end(const struct transcript *t);

#endif
