#include "courier/spool.h"
#include "courier/spool_parts.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEGMENT_MOST (1u << 20) /* a larger file is none of ours */
#define NUMBER_MOST 99999999u
#define IDLE_SEGMENT 16384 /* a segment of this size goes when all of it is acknowledged */
#define RING_BIT (UINT64_C(1) << 63)

const char *
spool_name(uint32_t number, char out[SPOOL_NAME])
{
    snprintf(out, SPOOL_NAME, "spool.%08u", number);
    return out;
}

static bool
number_of(const char *name, uint32_t *out)
{
    static const char head[] = "spool.";
    uint32_t n = 0;

    if (strlen(name) != sizeof(head) - 1 + 8 || memcmp(name, head, sizeof(head) - 1) != 0) {
        return false;
    }
    for (const char *c = name + sizeof(head) - 1; *c != '\0'; c++) {
        if (*c < '0' || *c > '9') {
            return false;
        }
        n = n * 10 + (uint32_t)(*c - '0');
    }
    *out = n;
    return true;
}

bool
spool_id_within(const struct spool_id *a, const struct spool_id *b)
{
    return a->session == b->session && strcmp(a->nonce, b->nonce) == 0 && a->number <= b->number;
}

bool
spool_line_read(const char *bytes, size_t len, struct spool_id *id, uint8_t *severity)
{
    struct wire_line line;

    if (wire_line_parse(bytes, len, &line) != 0) {
        return false;
    }
    *id = (struct spool_id){ .session = line.head.session, .number = line.head.number };
    memcpy(id->nonce, line.head.nonce, sizeof(id->nonce));
    *severity = (uint8_t)line.head.severity;
    return true;
}

/* ---- what is there ---- */

struct listing {
    struct spool *s;
    bool too_many;
};

static void
list_one(void *to, const char *name)
{
    struct listing *l = to;
    struct spool *s = l->s;
    uint32_t number;

    if (!number_of(name, &number)) {
        return;
    }
    s->next_number = number >= s->next_number ? number + 1 : s->next_number;
    if (s->segments == SPOOL_SEGMENTS) {
        l->too_many = true;
        return;
    }
    s->segment[s->segments++] = (struct spool_segment){ .number = number };
}

static int
by_number(const void *a, const void *b)
{
    const struct spool_segment *x = a;
    const struct spool_segment *y = b;

    return x->number < y->number ? -1 : x->number > y->number;
}

/* Regular files of a size that a segment may have stay in the table. */
static void
keep_segments(struct spool *s)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < s->segments; i++) {
        char name[SPOOL_NAME];
        uint64_t size = 0;
        int handle = s->disk->open(s->disk_to, spool_name(s->segment[i].number, name), &size);

        if (handle >= 0) {
            s->disk->close(s->disk_to, handle);
        }
        if (handle < 0 || size > SEGMENT_MOST) {
            s->damaged += handle < 0 && handle != -EINVAL && handle != -ELOOP;
            continue;
        }
        s->segment[kept] = s->segment[i];
        s->segment[kept++].size = (uint32_t)size;
        s->total += size;
    }
    s->segments = kept;
}

static int
find_segments(struct spool *s)
{
    struct listing listing = { .s = s };
    int error = s->disk->list(s->disk_to, list_one, &listing);
    if (error != 0 || listing.too_many) {
        return error != 0 ? error : -E2BIG;
    }
    qsort(s->segment, s->segments, sizeof(s->segment[0]), by_number);
    keep_segments(s);
    (void)s->disk->remove(s->disk_to, SPOOL_NEW);
    return 0;
}

int
spool_open_on(struct spool *s, const struct spool_disk_ops *disk, void *to, uint64_t limit)
{
    memset(s, 0, sizeof(*s));
    s->disk = disk;
    s->disk_to = to;
    s->limit = limit;
    s->segment_bytes = SPOOL_SEGMENT;
    s->tail = -1;
    s->reading = -1;
    s->next_number = 1;
    return find_segments(s);
}

int
spool_open(struct spool *s, int dir, uint64_t limit)
{
    int error = spool_open_on(s, &spool_disk_kernel, &dir, limit);

    s->folder = dir;
    s->disk_to = &s->folder;
    return error;
}

void
spool_close(struct spool *s)
{
    if (s->tail >= 0) {
        s->disk->close(s->disk_to, s->tail);
    }
    if (s->reading >= 0) {
        s->disk->close(s->disk_to, s->reading);
    }
    s->tail = s->reading = -1;
}

/* ---- lines in memory ---- */

static void
remove_ring_line(struct spool *s, unsigned i)
{
    s->ring_lines--;
    memmove(&s->ring[i], &s->ring[i + 1], (s->ring_lines - i) * sizeof(s->ring[0]));
    s->peeked = 0;
}

/* The first of the least grave ones. */
static unsigned
least_grave(const struct spool *s)
{
    unsigned least = 0;

    for (unsigned i = 1; i < s->ring_lines; i++) {
        if (s->ring[i].severity > s->ring[least].severity) {
            least = i;
        }
    }
    return least;
}

/* False when the new line is the one that goes. */
static bool
make_ring_room(struct spool *s, uint8_t severity)
{
    if (s->ring_lines < SPOOL_RING) {
        return true;
    }
    s->dropped++;
    unsigned least = least_grave(s);
    if (s->ring[least].severity < severity) {
        return false;
    }
    remove_ring_line(s, least);
    return true;
}

bool
spool_append(struct spool *s, const char *bytes, size_t len)
{
    struct spool_id id;
    uint8_t severity;

    if (!spool_line_read(bytes, len, &id, &severity)) {
        return false;
    }
    if (spool_id_within(&id, &s->appended)) {
        return true;
    }
    s->appended = id;
    if (make_ring_room(s, severity)) {
        struct spool_ring_line *r = &s->ring[s->ring_lines++];

        *r = (struct spool_ring_line){
            .sequence = ++s->sequence, .id = id, .severity = severity, .len = (uint8_t)len
        };
        memcpy(r->bytes, bytes, len);
    }
    return true;
}

bool
spool_pending(const struct spool *s)
{
    return s->ring_lines > 0;
}

static bool
all_acked(const struct spool *s, unsigned index)
{
    return s->ack.index > index || (s->ack.index == index && s->ack.offset >= s->segment[index].size);
}

static bool
is_tail(const struct spool *s, unsigned index)
{
    return index + 1 == s->segments && s->tail >= 0;
}

/* All of the first segment is acknowledged, and it is not one that goes on. */
static bool
first_is_done(const struct spool *s)
{
    return s->segments > 0 && all_acked(s, 0) && (!is_tail(s, 0) || s->segment[0].size >= IDLE_SEGMENT);
}

bool
spool_idle(const struct spool *s)
{
    return s->ring_lines == 0 && !first_is_done(s);
}

static size_t
ring_bytes(const struct spool *s)
{
    size_t bytes = 0;

    for (unsigned i = 0; i < s->ring_lines; i++) {
        bytes += s->ring[i].len + 1u;
    }
    return bytes;
}

/* ---- onto the disk ---- */

void
spool_forget_segment(struct spool *s, unsigned index, bool remove)
{
    char name[SPOOL_NAME];

    if (remove) {
        (void)s->disk->remove(s->disk_to, spool_name(s->segment[index].number, name));
    }
    s->total -= s->segment[index].size;
    s->segments--;
    memmove(&s->segment[index], &s->segment[index + 1], (s->segments - index) * sizeof(s->segment[0]));
}

static int
begin_segment(struct spool *s)
{
    char name[SPOOL_NAME];

    if (s->segments == SPOOL_SEGMENTS || s->next_number > NUMBER_MOST) {
        return -ENOSPC;
    }
    int handle = s->disk->create(s->disk_to, spool_name(s->next_number, name));
    if (handle == -EEXIST) {
        s->next_number++;
    }
    if (handle < 0) {
        return handle;
    }
    s->segment[s->segments++] = (struct spool_segment){ .number = s->next_number++ };
    s->tail = handle;
    s->tail_new = true;
    return 0;
}

static void
end_segment(struct spool *s)
{
    s->disk->close(s->disk_to, s->tail);
    s->tail = -1;
}

static size_t
gather_ring(struct spool *s)
{
    size_t len = 0;

    for (unsigned i = 0; i < s->ring_lines; i++) {
        memcpy(s->out + len, s->ring[i].bytes, s->ring[i].len);
        len += s->ring[i].len;
        s->out[len++] = '\n';
    }
    return len;
}

/*
 * After a failed write or sync nobody knows what is on the disk behind the last good sync, and another sync
 * may say that all is well: what counts ends there, and the file is never written again.
 */
static void
abandon_segment(struct spool *s)
{
#ifdef PLANT_SPOOL_AGAIN
    s->segment[s->segments - 1].size += (uint32_t)gather_ring(s);
    return;
#endif
    end_segment(s);
    if (s->segment[s->segments - 1].size == 0) {
        spool_forget_segment(s, s->segments - 1, true);
    }
}

static int
write_tail(struct spool *s, size_t len)
{
    uint64_t offset = s->segment[s->segments - 1].size;
    size_t done = 0;

    while (done < len) {
        ssize_t n = s->disk->write(s->disk_to, s->tail, s->out + done, len - done, offset + done);

        if (n <= 0) {
            return n < 0 ? (int)n : -EIO;
        }
        done += (size_t)n;
    }
#ifdef PLANT_SPOOL_EARLY
    int error = 0;
#else
    int error = s->disk->sync(s->disk_to, s->tail);
#endif
#ifdef PLANT_SPOOL_NAMELESS
    s->tail_new = false;
#endif
    if (error == 0 && s->tail_new) {
        error = s->disk->sync_names(s->disk_to);
    }
    return error;
}

static int
write_ring(struct spool *s)
{
    if (s->ring_lines == 0) {
        return 0;
    }
    int error = s->tail < 0 ? begin_segment(s) : 0;
    if (error != 0) {
        return error;
    }
    size_t len = gather_ring(s);
    error = write_tail(s, len);
    if (error != 0) {
        abandon_segment(s);
        return error;
    }
    struct spool_segment *tail = &s->segment[s->segments - 1];
    tail->size += (uint32_t)len;
    s->total += len;
    s->tail_new = false;
    s->ring_lines = 0;
    s->peeked = 0;
    if (tail->size >= s->segment_bytes) {
        end_segment(s);
    }
    return 0;
}

static void
drop_ring(struct spool *s, uint8_t severity)
{
    unsigned i = 0;

    while (i < s->ring_lines) {
        if (s->ring[i].severity >= severity) {
            remove_ring_line(s, i);
            s->dropped++;
        } else {
            i++;
        }
    }
}

static bool
fits(const struct spool *s)
{
    return s->total + ring_bytes(s) <= s->limit;
}

/* 0 when what is left in the ring has room; `dropped` is then told all the same. */
static int
make_room(struct spool *s)
{
    if (fits(s)) {
        return 0;
    }
    drop_ring(s, WIRE_INFO);
    if (fits(s)) {
        return 0;
    }
    int error = spool_compact(s);
    if (error == -ENOENT) {
        drop_ring(s, WIRE_EMRG);
    }
    if (fits(s)) {
        return 0;
    }
    return error == 0 || error == -ENOENT ? -EDQUOT : error;
}

int
spool_sync(struct spool *s)
{
    uint32_t dropped = s->dropped;

    spool_trim(s);
    int error = make_room(s);
    s->error = error != 0 ? error : write_ring(s);
    return s->error == 0 && s->dropped != dropped ? -EDQUOT : s->error;
}

/* ---- acknowledged ---- */

void
spool_trim(struct spool *s)
{
    while (first_is_done(s)) {
        if (is_tail(s, 0)) {
            end_segment(s);
        }
        spool_forget_segment(s, 0, !s->segment[0].unreadable);
        s->ack = s->ack.index > 0 ? (struct spool_cursor){ s->ack.index - 1, s->ack.offset }
                                  : (struct spool_cursor){ 0, 0 };
        s->at = s->at.index > 0 ? (struct spool_cursor){ s->at.index - 1, s->at.offset }
                                : (struct spool_cursor){ 0, 0 };
    }
}

static void
ack_in_segment(struct spool *s, uint64_t position)
{
    for (unsigned i = 0; i < s->segments; i++) {
        if (s->segment[i].number == (uint32_t)(position >> 32)) {
            s->ack = (struct spool_cursor){ .index = i, .offset = (uint32_t)position };
            return;
        }
    }
}

static void
ack_in_ring(struct spool *s, uint64_t sequence)
{
    while (s->ring_lines > 0 && s->ring[0].sequence <= sequence) {
        remove_ring_line(s, 0);
    }
}

void
spool_acked(struct spool *s, uint64_t position)
{
    if (!s->under_way) {
        return;
    }
    s->under_way = position != s->taken_position;
    if ((position & RING_BIT) != 0) {
        ack_in_ring(s, position & ~RING_BIT);
    } else {
        ack_in_segment(s, position);
    }
    if (!s->under_way) {
        s->ack = s->at;
    }
}

bool
spool_empty(const struct spool *s)
{
    return s->ring_lines == 0 && (s->segments == 0 || all_acked(s, s->segments - 1));
}

uint64_t
spool_bytes(const struct spool *s)
{
    uint64_t before = s->ack.offset;

    for (unsigned i = 0; i < s->ack.index; i++) {
        before += s->segment[i].size;
    }
    return s->total - before + ring_bytes(s);
}

uint32_t
spool_lost(struct spool *s)
{
    uint32_t lost = s->dropped + s->damaged;

    s->dropped = s->damaged = 0;
    return lost;
}
