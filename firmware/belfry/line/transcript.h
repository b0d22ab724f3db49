#ifndef BELFRY_LINE_TRANSCRIPT_H
#define BELFRY_LINE_TRANSCRIPT_H
/*
 * transcript - everything a line carried: NAME.raw, the bytes as they came, and NAME.idx, when they came
 *
 * One a line. Append-only. The index is a row of records of 16 bytes, two little-endian numbers:
 *     offset, UTC in ns          the byte at `offset` arrived then; at most one record in 100 ms
 *     2^63 + offset, count       `count` bytes are missing at `offset`: they could not be written
 * A disk that is full never stops the line: bytes are counted as lost, and writing goes on when there is
 * room.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRANSCRIPT_RECORD 16
#define TRANSCRIPT_GAP (UINT64_C(1) << 63)
#define TRANSCRIPT_INDEX_MS 100
#define TRANSCRIPT_RETRY_MS 500

struct transcript {
    int raw;
    int index;
    uint64_t size; /* of NAME.raw */
    uint64_t skip; /* so many of the next bytes are in it already */
    uint64_t lost; /* since the last byte that was written */
    uint64_t lost_all;
    int64_t index_ms;
    int64_t retry_ms;
    int error; /* errno of the trouble that lasts, 0 when there is none */
};

enum transcript_change {
    TRANSCRIPT_SAME,
    TRANSCRIPT_FAILED,  /* bytes were lost, the ones before were not */
    TRANSCRIPT_RESUMED, /* writing goes on */
};

/* Opens or makes both files in the directory. 0 or -errno. */
int transcript_open(struct transcript *t, int dir, const char *name);

void transcript_close(struct transcript *t);

enum transcript_change transcript_append(
        struct transcript *t, const uint8_t *src, size_t len, int64_t utc_us, int64_t now_ms);

struct transcript_mark {
    bool gap;
    uint64_t offset;
    uint64_t value; /* UTC in ns, or bytes missing */
};

void transcript_mark_read(const uint8_t src[TRANSCRIPT_RECORD], struct transcript_mark *out);

#endif
