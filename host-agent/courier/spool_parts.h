#ifndef COURIER_SPOOL_PARTS_H
#define COURIER_SPOOL_PARTS_H
/*
 * spool_parts - what the spool's files share: not for anybody else
 */
#include "courier/spool.h"

#define SPOOL_NAME 16 /* "spool.NNNNNNNN" and the NUL */
#define SPOOL_NEW "spool.new"

const char *spool_name(uint32_t number, char out[SPOOL_NAME]);

/* Same session, and `a` not behind `b`: a copy, or an older line. */
bool spool_id_within(const struct spool_id *a, const struct spool_id *b);

/* Reads one line without its end. False when it is no sealed line. */
bool spool_line_read(const char *bytes, size_t len, struct spool_id *id, uint8_t *severity);

/*
 * How long the line at the beginning of `len` bytes is, with its end; 0 when there is no end. When they are
 * all there is (`last`), what has none is torn: it is as long as they are, and not whole.
 */
size_t spool_split(const char *bytes, size_t len, bool last, bool *whole);

/* Forgets the chunk that was read, and the line that is shown. */
void spool_forget_chunk(struct spool *s);

/* Bytes of segment `index` from `offset` on into the chunk; how many, 0 when they cannot be read. */
size_t spool_fill_chunk(struct spool *s, unsigned index, uint32_t offset);

/* Where the line behind the one at `offset` begins, however long that is; 0 when it cannot be read. */
uint32_t spool_next_line(struct spool *s, unsigned index, uint32_t offset);

/* Deletes segments that are done with. */
void spool_trim(struct spool *s);

/* Takes segment `index` out of the table, and its file off the disk when `remove`. */
void spool_forget_segment(struct spool *s, unsigned index, bool remove);

/*
 * Rewrites the oldest segment that may hold INFO lines without them. 0, -ENOENT when there is none, or
 * another -errno: then it is as it was.
 */
int spool_compact(struct spool *s);

#endif
