#ifndef BELFRY_TRANSCRIPT_VOLUME_H
#define BELFRY_TRANSCRIPT_VOLUME_H
/*
 * volume - one file of a transcript, opened for reading: its bytes, compressed or not, and its index
 *
 * For readers in processes of their own. What is in the files is not trusted. About 600 KB when compressed.
 */
#include "belfry/transcript/mark.h"
#include "belfry/transcript/part.h"

#include <sys/types.h>

struct volume {
    int bytes;
    int index;     /* -1 when there is none */
    uint64_t base; /* of the line's bytes; 0 while the one that is being written does not say */
    uint64_t size; /* of the bytes; of the one that is being written, when it was looked at last */
    uint64_t ino;
    uint64_t written_ns;          /* UTC; likewise, 0 when it is compressed */
    bool head;                    /* it is being written */
    struct volume_packed *packed; /* NULL for plain bytes */
};

/* A rotated part, or with NULL what is being written. 0 or -errno: -ENOENT when it has been rotated,
 * compressed or dropped since it was listed. */
int volume_open(struct volume *v, int dir, const char *name, const struct part *part);

void volume_close(struct volume *v);

/* Bytes at `at` of this file, up to `size`; 0 at the end, or -errno (-EBADMSG: the part is damaged). */
ssize_t volume_read(struct volume *v, uint64_t at, uint8_t *to, size_t size);

/* Record `at` of the index. False when it is not there (yet). */
bool volume_mark(const struct volume *v, uint64_t at, struct transcript_mark *out);

/* Records from number `from` on, `most` at most; returns the number behind the last. */
uint64_t volume_marks_read(
        const struct volume *v, uint64_t from, struct transcript_mark *out, unsigned most, unsigned *count);

/* How many records there are. */
uint64_t volume_marks(const struct volume *v);

/* The number of the first record behind `offset`. */
uint64_t volume_mark_behind(const struct volume *v, uint64_t offset);

/* Where in this file the bytes begin that arrived at `utc_ns` or later; its size when there are none. */
uint64_t volume_find_time(struct volume *v, uint64_t utc_ns);

/* The time of record `at` or of the nearest one before it that has one; 0 when there is none. */
uint64_t volume_time_at(const struct volume *v, uint64_t at, struct transcript_mark *out);

/* When its first byte arrived; 0 when that is not known. */
uint64_t volume_begun_ns(int dir, const char *name, const struct part *part);

/* Looks at the size again, and at where it begins: an empty file does not say that yet. */
void volume_look(struct volume *v);

/* How many bytes of the line a part holds; 0 when that cannot be told. */
uint64_t volume_size_of(int dir, const char *name, const struct part *part);

#endif
