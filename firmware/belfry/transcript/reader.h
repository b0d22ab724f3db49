#ifndef BELFRY_TRANSCRIPT_READER_H
#define BELFRY_TRANSCRIPT_READER_H
/*
 * reader - a line's transcript from some moment on, through all its parts, in pieces
 *
 * For processes of their own: it reads files while belfry writes, rotates, compresses and drops them. About
 * 70 KB, and volume.h's.
 */
#include "belfry/transcript/volume.h"

#define READER_BYTES 65536
#define READER_MARKS 128

enum reader_what {
    READER_BYTES_CAME, /* `bytes`, `len`, `time_ns` */
    READER_MARK,       /* `mark`: what happened, or is missing, here */
    READER_DROPPED,    /* `count` bytes are not kept any more */
    READER_DAMAGED,    /* `count` bytes cannot be read */
    READER_END,        /* nothing more now */
    READER_OVER,       /* the moment given by reader_until() is reached */
};

struct reader_piece {
    enum reader_what what;
    const uint8_t *bytes; /* until the next call */
    size_t len;
    uint64_t count;
    struct transcript_mark mark;
    uint64_t time_ns; /* UTC; when the first of them arrived, 0 when that is not known */
};

struct reader {
    int dir; /* the caller's */
    char name[CONF_NAME];
    uint64_t until_ns;
    struct volume volume;
    uint64_t at;      /* in the volume */
    uint64_t time_ns; /* when the byte at `at` arrived */
    bool follows;     /* it came after the end was told */
    uint64_t next;    /* number of the record behind the last one in `mark` */
    unsigned marks;
    unsigned mark_at;
    uint64_t dropped; /* to be told */
    size_t have;      /* bytes of the buffer, from `from` on */
    size_t from;
    struct transcript_mark mark[READER_MARKS];
    uint8_t buffer[READER_BYTES];
};

/* From the first byte that is kept. 0 or -errno (-ENOENT: the line has no transcript). */
int reader_open(struct reader *r, int dir, const char *name);

void reader_close(struct reader *r);

/* From the first byte that arrived at `utc_ns` or later. 0 or -errno. */
int reader_since(struct reader *r, uint64_t utc_ns);

/* From `count` bytes before the end, or from the first byte. 0 or -errno. */
int reader_back(struct reader *r, uint64_t count);

void reader_until(struct reader *r, uint64_t utc_ns);

void reader_next(struct reader *r, struct reader_piece *out);

#endif
