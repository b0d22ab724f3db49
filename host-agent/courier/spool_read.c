#include "courier/spool.h"
#include "courier/spool_parts.h"
#include <errno.h>
#include <string.h>

#define RING_BIT (UINT64_C(1) << 63)

size_t
spool_split(const char *bytes, size_t len, bool last, bool *whole)
{
    const char *end = memchr(bytes, '\n', len);

    *whole = end != NULL;
    if (end != NULL) {
        return (size_t)(end - bytes) + 1;
    }
    return last ? len : 0;
}

void
spool_forget_chunk(struct spool *s)
{
    if (s->reading >= 0) {
        s->disk->close(s->disk_to, s->reading);
    }
    s->reading = -1;
    s->chunk_len = 0;
    s->peeked = 0;
}

static bool
open_for_reading(struct spool *s, uint32_t number)
{
    char name[SPOOL_NAME];
    uint64_t size;

    if (s->reading >= 0 && s->reading_number == number) {
        return true;
    }
    spool_forget_chunk(s);
    s->reading = s->disk->open(s->disk_to, spool_name(number, name), &size);
    s->reading_number = number;
    return s->reading >= 0;
}

size_t
spool_fill_chunk(struct spool *s, unsigned index, uint32_t offset)
{
    const struct spool_segment *segment = &s->segment[index];
    size_t want = segment->size - offset;

    s->chunk_len = 0;
    if (!open_for_reading(s, segment->number)) {
        return 0;
    }
    want = want < sizeof(s->chunk) ? want : sizeof(s->chunk);
    ssize_t n = s->disk->read(s->disk_to, s->reading, s->chunk, want, offset);

    s->chunk_offset = offset;
    s->chunk_len = n > 0 ? (size_t)n : 0;
    return s->chunk_len;
}

uint32_t
spool_next_line(struct spool *s, unsigned index, uint32_t offset)
{
    while (offset < s->segment[index].size) {
        size_t len = spool_fill_chunk(s, index, offset);
        const char *end = memchr(s->chunk, '\n', len);

        if (len == 0) {
            return 0;
        }
        if (end != NULL) {
            return offset + (uint32_t)(end - s->chunk) + 1;
        }
        offset += (uint32_t)len;
    }
    return offset;
}

/* What is left of the segment cannot be read now: it stays on disk for another time. */
static void
skip_unreadable(struct spool *s)
{
    s->segment[s->at.index].unreadable = true;
    s->at.offset = s->segment[s->at.index].size;
    s->damaged++;
}

/* The bytes at the cursor, of which there are some in the segment; how many of them are in the chunk. */
static size_t
chunk_at(struct spool *s, const char **out)
{
    const struct spool_segment *segment = &s->segment[s->at.index];
    uint32_t offset = s->at.offset;
    bool held = s->reading >= 0 && s->reading_number == segment->number && offset >= s->chunk_offset &&
                offset - s->chunk_offset < s->chunk_len;
    size_t skip = held ? offset - s->chunk_offset : 0;
    size_t len = held ? s->chunk_len - skip : 0;

    if (len < segment->size - offset && len <= WIRE_LINE_MAX) {
        skip = 0;
        len = spool_fill_chunk(s, s->at.index, offset);
    }
    *out = s->chunk + skip;
    return len;
}

static void
show(struct spool *s, const char *bytes, size_t len, const struct spool_id *id, uint64_t position)
{
    s->line = (struct spool_line){ .bytes = bytes, .len = len, .id = *id, .position = position };
    s->peeked = len + 1;
}

/* More bytes than a line may have, and still no end. */
static void
skip_endless(struct spool *s)
{
    uint32_t next = spool_next_line(s, s->at.index, s->at.offset);

    if (next == 0) {
        skip_unreadable(s);
        return;
    }
    s->at.offset = next;
    s->damaged++;
}

/* What stands at the cursor becomes the line that is shown, or is passed. False when it was passed. */
static bool
look(struct spool *s)
{
    const struct spool_segment *segment = &s->segment[s->at.index];
    const char *bytes;
    struct spool_id id;
    uint8_t severity;
    bool whole;
    size_t len = chunk_at(s, &bytes);

    size_t part = spool_split(bytes, len, len == segment->size - s->at.offset, &whole);
    if (part == 0) {
        skip_endless(s);
        return false;
    }
    whole = whole && spool_line_read(bytes, part - 1, &id, &severity);
#ifdef PLANT_SPOOL
    bool copy = false;
#else
    bool copy = whole && spool_id_within(&id, &s->taken);
#endif
    if (whole && !copy) {
        uint64_t end = s->at.offset + part;

        show(s, bytes, part - 1, &id, (uint64_t)segment->number << 32 | end);
        s->peeked_of = 0;
        return true;
    }
    s->damaged += !whole;
    s->at.offset += (uint32_t)part;
    return false;
}

/* Lines in memory, when they cannot be had otherwise. */
static bool
look_in_ring(struct spool *s)
{
    for (unsigned i = 0; s->error != 0 && i < s->ring_lines; i++) {
        const struct spool_ring_line *r = &s->ring[i];

        if (!r->taken) {
            show(s, r->bytes, r->len, &r->id, RING_BIT | r->sequence);
            s->peeked_of = i + 1;
            return true;
        }
    }
    return false;
}

static bool
look_on(struct spool *s)
{
    while (s->at.index < s->segments) {
        if (s->at.offset < s->segment[s->at.index].size) {
            if (look(s)) {
                return true;
            }
        } else if (s->at.index + 1 < s->segments) {
            s->at = (struct spool_cursor){ .index = s->at.index + 1 };
        } else {
            break;
        }
    }
    return look_in_ring(s);
}

bool
spool_peek(struct spool *s, struct spool_line *out)
{
    if (s->peeked == 0) {
        bool found = look_on(s);

        if (!s->under_way) {
            s->ack = s->at;
        }
        if (!found) {
            return false;
        }
    }
    *out = s->line;
    return true;
}

void
spool_take(struct spool *s)
{
    if (s->peeked == 0) {
        return;
    }
    if (s->peeked_of == 0) {
        s->at.offset += (uint32_t)s->peeked;
    } else {
        s->ring[s->peeked_of - 1].taken = true;
    }
    s->taken = s->line.id;
    s->taken_position = s->line.position;
    s->under_way = true;
    s->peeked = 0;
}

void
spool_rewind(struct spool *s)
{
    s->at = s->ack;
    memset(&s->taken, 0, sizeof(s->taken));
    s->under_way = false;
    s->peeked = 0;
    for (unsigned i = 0; i < s->ring_lines; i++) {
        s->ring[i].taken = false;
    }
}
