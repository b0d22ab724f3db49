#ifndef COURIER_SPOOL_H
#define COURIER_SPOOL_H
/*
 * spool - sealed lines on disk until the receiver has acknowledged them
 *
 * One per courier. Text files spool.NNNNNNNN in one directory, each a segment of lines ended by LF; only the
 * newest is appended to, and one of an earlier life never is. A line counts as kept when its bytes are
 * synced, and its segment's name as well. What could not be synced is in memory only, its segment is left as
 * it was at the last good sync, and the next sync tries another one.
 *
 * Lines are in the order in which they were appended: numbers of a session rise. No heap after spool_open().
 */
#include "courier/spool_disk.h"
#include "wire/line.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPOOL_LIMIT (64u << 20)    /* the usual one */
#define SPOOL_SEGMENT (256u << 10) /* a segment that has reached it is closed */
#define SPOOL_SEGMENTS 1024
#define SPOOL_RING 256 /* lines that are in memory only */
#define SPOOL_CHUNK 16384

/* Which line: the session's number and nonce, and its own. */
struct spool_id {
    uint32_t session;
    uint32_t number;
    char nonce[WIRE_NONCE_CHARS + 1];
};

struct spool_line {
    const char *bytes; /* without the line end; good until the next call but spool_take() */
    size_t len;
    struct spool_id id;
    uint64_t position; /* for spool_acked() */
};

struct spool_ring_line {
    uint64_t sequence;
    struct spool_id id;
    uint8_t severity;
    uint8_t len;
    bool taken;
    char bytes[WIRE_LINE_MAX];
};

struct spool_segment {
    uint32_t number;
    uint32_t size;   /* bytes that count: those of the last good sync */
    bool lean;       /* holds no INFO lines any more */
    bool unreadable; /* stays on disk when it is done with */
};

struct spool_cursor {
    unsigned index;
    uint32_t offset;
};

struct spool {
    const struct spool_disk_ops *disk;
    void *disk_to;
    int folder;
    int error; /* -errno of the last sync: the ring's lines are handed out as they are; or 0 */
    uint64_t limit;
    uint64_t total;         /* bytes of all segments */
    uint32_t segment_bytes; /* SPOOL_SEGMENT; smaller in tests */
    unsigned segments;
    uint32_t next_number;
    int tail; /* handle of the last segment, which is written; -1 for none */

    struct spool_line line; /* that spool_peek() shows */
    size_t peeked;          /* its bytes with its end; 0 for none */
    uint64_t taken_position;
    unsigned peeked_of;      /* in the ring, from 1; 0: in a segment */
    struct spool_cursor ack; /* all before it is acknowledged */
    struct spool_cursor at;  /* to be handed out next */
    unsigned ring_lines;
    uint64_t sequence;
    struct spool_id appended; /* the last one; without a nonce: none */
    struct spool_id taken;    /* the last one since the last rewind; the same */
    bool under_way;           /* something was taken and is not acknowledged */
    bool tail_new;            /* the tail's name is not synced yet */

    int reading; /* handle, or -1 */
    uint32_t reading_number;
    uint32_t chunk_offset;
    uint32_t dropped;
    uint32_t damaged;
    size_t chunk_len;
    struct spool_segment segment[SPOOL_SEGMENTS];
    struct spool_ring_line ring[SPOOL_RING];
    char chunk[SPOOL_CHUNK];
    char out[SPOOL_RING * (WIRE_LINE_MAX + 1)];
};

/*
 * Finds what an earlier life left in the directory `dir`, which must stay open. What is no segment is left
 * alone. 0 or -errno; -E2BIG when there are more segments than there may be.
 */
int spool_open(struct spool *s, int dir, uint64_t limit);

/* The same on another disk than the kernel's, for tests. */
int spool_open_on(struct spool *s, const struct spool_disk_ops *disk, void *to, uint64_t limit);

/* Closes what is open, and syncs nothing. */
void spool_close(struct spool *s);

/*
 * Takes a sealed line; it is not kept before spool_sync(). A line that was taken before is taken as a copy of
 * it. False when it is no sealed line. Without room in memory the least grave line is dropped, and counted.
 */
bool spool_append(struct spool *s, const char *bytes, size_t len);

/* True when something was appended that is not kept. */
bool spool_pending(const struct spool *s);

/* True when spool_sync() has nothing to do: all is kept, and nothing is on disk that all is acknowledged of.
 */
bool spool_idle(const struct spool *s);

/*
 * Keeps all that was appended, with one sync, and deletes what is acknowledged. 0: all of it is on disk.
 * -errno: it is in memory only, as far as it was not dropped, and the next call tries again; -EDQUOT when the
 * limit is reached. Makes room by rewriting one old segment without its INFO lines, at most, so it may have
 * to be called again.
 */
int spool_sync(struct spool *s);

/*
 * The next line to be sent, which stays the next until spool_take(), to be called right behind it. False when
 * there is none. It is kept, but for when the disk takes nothing: then it may be one in memory.
 */
bool spool_peek(struct spool *s, struct spool_line *out);

/* The line that spool_peek() showed is under way. */
void spool_take(struct spool *s);

/* The line at `position` and all that were taken before it are acknowledged: spool_sync() may delete them. */
void spool_acked(struct spool *s, uint64_t position);

/* What was taken and is not acknowledged is handed out again. */
void spool_rewind(struct spool *s);

/* True when no line waits for an acknowledgement. */
bool spool_empty(const struct spool *s);

/* Bytes that wait, kept or not. */
uint64_t spool_bytes(const struct spool *s);

/* Lines that found no room, were pushed out, or were found damaged, since the last call. */
uint32_t spool_lost(struct spool *s);

#endif
