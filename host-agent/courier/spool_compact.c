#include "courier/spool_parts.h"
#include <errno.h>
#include <string.h>

/* The copy that is being written. */
struct copy {
    int handle;
    uint32_t size;   /* written */
    size_t gathered; /* in spool.out, to be written */
    uint32_t left_out;
    uint32_t damaged;
};

static int
write_gathered(struct spool *s, struct copy *c)
{
    size_t done = 0;

    while (done < c->gathered) {
        ssize_t n = s->disk->write(
                s->disk_to, c->handle, s->out + done, c->gathered - done, (uint64_t)c->size + done);

        if (n <= 0) {
            return n < 0 ? (int)n : -EIO;
        }
        done += (size_t)n;
    }
    c->size += (uint32_t)c->gathered;
    c->gathered = 0;
    return 0;
}

static int
copy_line(struct spool *s, struct copy *c, const char *bytes, size_t len)
{
    int error = c->gathered + len > sizeof(s->out) ? write_gathered(s, c) : 0;

    if (error == 0) {
        memcpy(s->out + c->gathered, bytes, len);
        c->gathered += len;
    }
    return error;
}

/* The lines of one chunk. How many bytes were dealt with, or -errno. */
static ssize_t
copy_chunk(struct spool *s, struct copy *c, size_t len, bool last)
{
    size_t at = 0;

    while (at < len) {
        struct spool_id id;
        uint8_t severity;
        bool whole;
        size_t part = spool_split(s->chunk + at, len - at, last, &whole);
        int error = 0;

        if (part == 0) {
            break;
        }
        if (!whole || !spool_line_read(s->chunk + at, part - 1, &id, &severity)) {
            c->damaged++;
        } else if (severity == WIRE_INFO) {
            c->left_out++;
        } else {
            error = copy_line(s, c, s->chunk + at, part);
        }
        if (error != 0) {
            return error;
        }
        at += part;
    }
    return (ssize_t)at;
}

static int
copy_segment(struct spool *s, struct copy *c, unsigned index, uint32_t offset)
{
    while (offset < s->segment[index].size) {
        size_t len = spool_fill_chunk(s, index, offset);
        ssize_t done = copy_chunk(s, c, len, len == s->segment[index].size - offset);

        if (done < 0) {
            return (int)done;
        }
        offset = done > 0 ? offset + (uint32_t)done : spool_next_line(s, index, offset);
        if (offset == 0) {
            return -EIO;
        }
        c->damaged += done == 0;
    }
    int error = write_gathered(s, c);
    return error == 0 && c->size > 0 ? s->disk->sync(s->disk_to, c->handle) : error;
}

static int
pick(const struct spool *s)
{
    unsigned first = s->under_way ? s->at.index + 1 : 0;

    for (unsigned i = first; i < s->segments; i++) {
        bool tail = i + 1 == s->segments && s->tail >= 0;

        if (!s->segment[i].lean && !s->segment[i].unreadable && !tail) {
            return (int)i;
        }
    }
    return -1;
}

/* The copy takes the segment's place; a name that is not synced means that the old one may come back, whole.
 */
static int
put_in_place(struct spool *s, unsigned index, uint32_t size)
{
    struct spool_segment *segment = &s->segment[index];
    char name[SPOOL_NAME];
    int error = s->disk->rename(s->disk_to, SPOOL_NEW, spool_name(segment->number, name));

    if (error != 0) {
        return error;
    }
    (void)s->disk->sync_names(s->disk_to);
    s->total -= segment->size - size;
    segment->size = size;
    segment->lean = true;
    return 0;
}

static int
replace(struct spool *s, unsigned index, const struct copy *c)
{
    bool acked = index == s->ack.index;

    if (c->size == 0) {
        (void)s->disk->remove(s->disk_to, SPOOL_NEW);
        spool_forget_segment(s, index, true);
    } else if (put_in_place(s, index, c->size) != 0) {
        return -EIO;
    }
    if (acked) {
        s->ack = s->at = (struct spool_cursor){ .index = index };
    }
    return 0;
}

int
spool_compact(struct spool *s)
{
    struct copy c = { .size = 0 };

    spool_trim(s);
    int index = pick(s);
    if (index < 0) {
        return -ENOENT;
    }
    (void)s->disk->remove(s->disk_to, SPOOL_NEW);
    c.handle = s->disk->create(s->disk_to, SPOOL_NEW);
    if (c.handle < 0) {
        return c.handle;
    }
    spool_forget_chunk(s);
    uint32_t from = (unsigned)index == s->ack.index ? s->ack.offset : 0;
    int error = copy_segment(s, &c, (unsigned)index, from);

    s->disk->close(s->disk_to, c.handle);
    spool_forget_chunk(s);
    if (error == 0) {
        error = replace(s, (unsigned)index, &c);
    }
    if (error != 0) {
        s->segment[index].lean = error == -EIO; /* of no use to try it again and again */
        (void)s->disk->remove(s->disk_to, SPOOL_NEW);
        return error;
    }
    s->dropped += c.left_out;
    s->damaged += c.damaged;
    return 0;
}
