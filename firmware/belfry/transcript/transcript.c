#include "belfry/transcript/transcript.h"

#include "belfry/transcript/part.h"
#include "belfry/transcript/share.h"
#include "belfry/transcript/volume.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define LOOK_MS 1000
#define LOOK_HELD_MS 200
#define LOOK_PART 8 /* of the floor, written since the last look: the disk fills fast */
#define PRESS_PART \
    4 /* of the floor: what is larger is rotated when there is no room, so that it can be dropped */
#define TURN_AGAIN_MS 5000
#define FLOOR_PART 50 /* of a file system */
#define FLOOR_MOST (UINT64_C(256) << 20)

_Static_assert(TRANSCRIPT_NAME == CONF_NAME, "a transcript has its line's name");

struct transcript_chunk {
    struct transcript_chunk *next;
    int64_t utc_us; /* of the first byte */
    int64_t since_ms;
    size_t len;
    uint8_t bytes[TRANSCRIPT_CHUNK - 32];
};

/* ---- all of them */

static uint64_t
floor_by_size(int dir)
{
    struct statvfs fs;
    uint64_t floor = fstatvfs(dir, &fs) == 0 ? (uint64_t)fs.f_blocks * fs.f_frsize / FLOOR_PART : 0;

    return floor < FLOOR_MOST ? floor : FLOOR_MOST;
}

void
transcripts_init(struct transcripts *all, int dir, uint64_t floor)
{
    memset(all, 0, sizeof *all);
    all->dir = dir;
    all->floor = floor == CONF_FLOOR_AUTO ? floor_by_size(dir) : floor;
}

void
transcripts_survey(struct transcripts *all)
{
    all->survey = true;
}

void
transcripts_surveyed(struct transcripts *all)
{
    part_newest_free(all->newest);
    all->newest = NULL;
    all->survey = false;
}

void
transcripts_free(struct transcripts *all)
{
    while (all->spare != NULL) {
        struct transcript_chunk *c = all->spare;

        all->spare = c->next;
        free(c);
    }
}

void
transcripts_look(struct transcripts *all, int64_t now_ms)
{
    struct statvfs fs;

    if (all->floor == 0 || (now_ms < all->look_ms && all->written < all->floor / LOOK_PART)) {
        return;
    }
    all->written = 0;
    if (fstatvfs(all->dir, &fs) == 0) {
        all->held = (uint64_t)fs.f_bavail * fs.f_frsize < all->floor / 2 + all->reserved;
    }
    all->look_ms = now_ms + (all->held ? LOOK_HELD_MS : LOOK_MS);
}

int64_t
transcripts_due_ms(const struct transcripts *all)
{
    return all->first != NULL ? all->first->chunk->since_ms + TRANSCRIPT_FLUSH_MS : INT64_MAX;
}

struct transcript *
transcripts_due(const struct transcripts *all, int64_t now_ms)
{
    return now_ms >= transcripts_due_ms(all) ? all->first : NULL;
}

static struct transcript_chunk *
take_chunk(struct transcripts *all)
{
    struct transcript_chunk *c = all->spare;

    if (c != NULL) {
        all->spare = c->next;
    } else if (all->chunks < TRANSCRIPT_CHUNKS) {
        c = malloc(sizeof *c);
        all->chunks += c != NULL;
    }
    return c;
}

static void
join_waiting(struct transcript *t)
{
    struct transcripts *all = t->all;

    t->next = NULL;
    t->before = all->last;
    *(all->last != NULL ? &all->last->next : &all->first) = t;
    all->last = t;
}

static void
leave_waiting(struct transcript *t)
{
    struct transcripts *all = t->all;

    *(t->before != NULL ? &t->before->next : &all->first) = t->next;
    *(t->next != NULL ? &t->next->before : &all->last) = t->before;
    t->chunk->next = all->spare;
    all->spare = t->chunk;
    t->chunk = NULL;
}

/* ---- files */

static int
open_one(const struct transcript *t, enum part_kind kind, int flags, off_t *size)
{
    char file[PART_FILE];
    struct stat st;
    int fd;

    part_head(file, t->name, kind);
    fd = share_create(t->all->dir, file, O_RDWR | O_APPEND | O_NOCTTY | O_NONBLOCK | flags);
    if (fd < 0) {
        return -errno;
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        (void)close(fd);
        return -ENOTSUP;
    }
    *size = st.st_size;
    return fd;
}

static bool
read_mark(int index, uint32_t at, struct transcript_mark *out)
{
    uint8_t record[TRANSCRIPT_RECORD];

    if (pread(index, record, sizeof record, (off_t)at * TRANSCRIPT_RECORD) != (ssize_t)sizeof record) {
        return false;
    }
    transcript_mark_read(record, out);
    return true;
}

static bool
is_there(const struct transcript *t, const char *file)
{
    struct stat st;

    return fstatat(t->all->dir, file, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Where the index that is being written says that its file begins. */
static uint64_t
base_in_index(int index)
{
    struct transcript_mark m;

    return read_mark(index, 0, &m) && m.event == TRANSCRIPT_BASE ? m.value : 0;
}

/* Killed between the two renames of a rotation: the bytes are a part already, their index is not. */
static void
finish_turn(const struct transcript *t)
{
    char raw[PART_FILE];
    char index[PART_FILE];
    char part[PART_FILE];
    uint64_t base;
    int fd;

    part_head(raw, t->name, PART_RAW);
    part_head(index, t->name, PART_INDEX);
    if (is_there(t, raw)) {
        return;
    }
    fd = openat(t->all->dir, index, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return;
    }
    base = base_in_index(fd);
    (void)close(fd);
    part_name(raw, t->name, PART_RAW, base);
    part_name(part, t->name, PART_INDEX, base);
    if (is_there(t, raw) && !is_there(t, part)) {
        (void)renameat(t->all->dir, index, t->all->dir, part);
    }
}

/* Where the newest part ends; 0 when there is none, or when it is not there any more. */
static uint64_t
end_of_newest(const struct transcript *t, const struct part_newest *newest)
{
    const struct part *last = part_newest_find(newest, t->name);
    uint64_t size = last != NULL ? volume_size_of(t->all->dir, t->name, last) : 0;

    return size > 0 ? last->base + size : 0;
}

/* Behind all parts that are there. */
static uint64_t
base_behind_parts(const struct transcript *t)
{
    struct part_newest *now;
    const struct part *last;
    uint64_t base = 0;

    if (t->all->survey && t->all->newest == NULL && part_newest_read(t->all->dir, &now) == 0) {
        t->all->newest = now;
    }
    if (t->all->newest != NULL && part_newest_find(t->all->newest, t->name) == NULL) {
        return 0;
    }
    if (t->all->newest != NULL) {
        base = end_of_newest(t, t->all->newest);
    }
    if (base == 0 && part_newest_read(t->all->dir, &now) == 0) { /* packed meanwhile, or nobody has looked */
        last = part_newest_find(now, t->name);
        base = end_of_newest(t, now);
        base = base == 0 && last != NULL ? last->base + 1 : base;
        part_newest_free(now);
    }
    return base;
}

/*
 * A record that a crash cut short would shift all that come after it; one about bytes that a power cut took
 * would be about others. Both go.
 */
static int
trim_index(struct transcript *t, off_t index_size)
{
    struct transcript_mark m;

    t->marks = (uint32_t)(index_size / TRANSCRIPT_RECORD);
    while (t->marks > 0 && read_mark(t->index, t->marks - 1, &m) &&
            (m.offset > t->size || (transcript_mark_is_time(&m) && m.value == 0))) {
        t->marks--;
    }
    if ((off_t)t->marks * TRANSCRIPT_RECORD != index_size &&
            ftruncate(t->index, (off_t)t->marks * TRANSCRIPT_RECORD) != 0) {
        return -errno;
    }
    return 0;
}

static void
learn(struct transcript *t)
{
    struct transcript_mark m;

    if (t->marks > 0 && read_mark(t->index, 0, &m) && m.event == TRANSCRIPT_BASE) {
        t->base = m.value;
    } else if (t->marks == 0) {
        t->base = base_behind_parts(t);
    }
    for (uint32_t i = 0; i < t->marks && i < 4 && t->begun_ms == 0; i++) {
        if (read_mark(t->index, i, &m) && transcript_mark_is_time(&m)) {
            t->begun_ms = (int64_t)(m.value / 1000000);
        }
    }
}

int
transcript_open(struct transcript *t, struct transcripts *all, const char *name)
{
    off_t size = 0;
    off_t index_size = 0;
    int error;

    memset(t, 0, sizeof *t);
    t->all = all;
    (void)snprintf(t->name, sizeof t->name, "%s", name);
    t->index_ms = -TRANSCRIPT_INDEX_MS;
    finish_turn(t);
    t->index = open_one(t, PART_INDEX, 0, &index_size);
    if (t->index < 0) {
        return t->index;
    }
    t->raw = open_one(t, PART_RAW, 0, &size);
    if (t->raw < 0) {
        (void)close(t->index);
        return t->raw;
    }
    t->size = (uint64_t)size;
    error = trim_index(t, index_size);
    if (error != 0) {
        (void)close(t->raw);
        (void)close(t->index);
        return error;
    }
    learn(t);
    return 0;
}

uint64_t
transcript_end(const struct transcript *t)
{
    return t->base + t->size;
}

/* ---- writing */

/* False when they were not written; half a record is taken back. */
static bool
write_records(struct transcript *t, const uint8_t *records, size_t len)
{
    ssize_t n = t->all->held ? -1 : write(t->index, records, len);

    if (n == (ssize_t)len) {
        t->marks += (uint32_t)(len / TRANSCRIPT_RECORD);
        return true;
    }
    if (n > 0) {
        (void)!ftruncate(t->index, (off_t)t->marks * TRANSCRIPT_RECORD);
    }
    return false;
}

/* How many of the times that wait are about the byte at `offset` or one before it. */
static unsigned
times_to(const struct transcript *t, uint64_t offset)
{
    unsigned count = 0;

    while (count < t->times && t->time[count].offset <= offset) {
        count++;
    }
    return count;
}

static unsigned
put_times(const struct transcript *t, unsigned from, unsigned to, uint8_t out[][TRANSCRIPT_RECORD])
{
    for (unsigned i = from; i < to; i++) {
        transcript_mark_write(out[i - from],
                &(struct transcript_mark){ .offset = t->time[i].offset, .value = t->time[i].utc_ns });
    }
    return to > from ? to - from : 0;
}

/*
 * Writes the times of bytes that are written, and in its place among them `m`, unless it is NULL. The first
 * record of all says where the file begins. False when nothing was written.
 */
static bool
mark(struct transcript *t, const struct transcript_mark *m)
{
    uint8_t record[TRANSCRIPT_TIMES + 2][TRANSCRIPT_RECORD];
    unsigned all = times_to(t, t->size);
    unsigned before = m != NULL ? times_to(t, m->offset) : all;
    unsigned count = 0;

    if (t->marks == 0) {
        transcript_mark_write(
                record[count++], &(struct transcript_mark){ .event = TRANSCRIPT_BASE, .value = t->base });
    }
    count += put_times(t, 0, before, record + count);
    if (m != NULL) {
        transcript_mark_write(record[count++], m);
    }
    count += put_times(t, before, all, record + count);
    if (!write_records(t, record[0], (size_t)count * TRANSCRIPT_RECORD)) {
        return false;
    }
    t->times -= all;
    memmove(t->time, t->time + all, t->times * sizeof t->time[0]);
    return true;
}

static void
write_times(struct transcript *t)
{
    if (times_to(t, t->size) > 0) {
        (void)mark(t, NULL);
    }
}

/* A time that waits for the same byte was of one that could not be written. What finds no room comes out as
 * earlier: nothing could be written for a second. */
static void
note_time(struct transcript *t, uint64_t offset, int64_t utc_us, int64_t now_ms)
{
    if (t->times == 0) {
        t->times_ms = now_ms;
    } else if (t->time[t->times - 1].offset == offset) {
        t->times--;
    }
    if (t->times < TRANSCRIPT_TIMES) {
        t->time[t->times++] = (struct transcript_time){ .offset = offset, .utc_ns = (uint64_t)utc_us * 1000 };
    }
    t->index_ms = now_ms;
}

static void
mark_time(struct transcript *t, size_t back, int64_t utc_us, int64_t now_ms)
{
    int64_t pause = now_ms - t->index_ms;

    if (pause < TRANSCRIPT_INDEX_MS) {
        return;
    }
    note_time(t, t->size - back, utc_us, now_ms);
    if (t->direct || pause >= TRANSCRIPT_TIMES_MS || t->begun_ms == 0) {
        write_times(t);
    } else {
        transcript_settle(t, now_ms);
    }
}

void
transcript_settle(struct transcript *t, int64_t now_ms)
{
    if (now_ms - t->times_ms >= TRANSCRIPT_TIMES_MS) {
        write_times(t);
        t->times_ms = now_ms;
    }
}

static void
write_events(struct transcript *t)
{
    for (int what = 0; what < TRANSCRIPT_EVENTS; what++) {
        struct transcript_mark m = {
            .event = (enum transcript_event)what, .offset = t->size, .value = t->event[what]
        };

        if (m.value != 0) {
            if (!mark(t, &m)) {
                return;
            }
            t->event[what] = 0;
        }
    }
    t->event_waits = false;
}

void
transcript_mark_event(struct transcript *t, enum transcript_event what, uint64_t value, size_t back,
        int64_t utc_us, int64_t now_ms)
{
    (void)transcript_flush(t, now_ms);
    back = back < t->size ? back : (size_t)t->size; /* the part may begin in what was appended last */
    if (t->error == 0 && !t->event_waits) {
        mark_time(t, back, utc_us, now_ms);
        if (mark(t, &(struct transcript_mark){ .event = what, .offset = t->size - back, .value = value })) {
            return;
        }
    }
    t->event[what] = transcript_join(what, t->event[what], value);
    t->event_waits = true;
}

static size_t
write_all(struct transcript *t, const uint8_t *src, size_t len)
{
    size_t done = 0;

    t->error = t->all->held ? ENOSPC : 0;
    while (done < len && t->error == 0) {
        ssize_t n = write(t->raw, src + done, len - done);

        if (n > 0) {
            done += (size_t)n;
        } else if (n < 0 && errno != EINTR) {
            t->error = errno;
        }
    }
    t->size += done;
    t->all->written += done;
    return done;
}

static void
lose(struct transcript *t, size_t len, int64_t now_ms)
{
    t->times = times_to(t, t->size);
    t->lost += len;
    t->lost_all += len;
    t->retry_ms = now_ms + TRANSCRIPT_RETRY_MS;
}

/* True when the gap is marked, so that bytes may follow it. */
static bool
mark_gap(struct transcript *t)
{
    if (t->lost > 0 &&
            !mark(t, &(struct transcript_mark){ .gap = true, .offset = t->size, .value = t->lost })) {
        return false;
    }
    t->lost = 0;
    return true;
}

static enum transcript_change
store(struct transcript *t, const uint8_t *src, size_t len, int64_t utc_us, int64_t now_ms)
{
    bool failed = t->error != 0;
    size_t done;

    if (failed && now_ms < t->retry_ms) {
        lose(t, len, t->retry_ms - TRANSCRIPT_RETRY_MS);
        return TRANSCRIPT_SAME;
    }
    if (!mark_gap(t)) {
        lose(t, len, now_ms);
        return TRANSCRIPT_SAME;
    }
    if (t->event_waits) {
        write_events(t);
    }
    if (failed) {
        t->index_ms = now_ms - TRANSCRIPT_TIMES_MS;
    }
    if (t->chunk == NULL) {
        mark_time(t, 0, utc_us, now_ms);
    } else {
        transcript_settle(t, now_ms);
    }
    if (t->begun_ms == 0) {
        t->begun_ms = utc_us / 1000;
    }
    done = write_all(t, src, len);
    if (done < len) {
        lose(t, len - done, now_ms);
    }
    if ((t->error != 0) == failed) {
        return TRANSCRIPT_SAME;
    }
    return failed ? TRANSCRIPT_RESUMED : TRANSCRIPT_FAILED;
}

enum transcript_change
transcript_flush(struct transcript *t, int64_t now_ms)
{
    enum transcript_change change;

    if (t->chunk == NULL) {
        return TRANSCRIPT_SAME;
    }
    change = store(t, t->chunk->bytes, t->chunk->len, t->chunk->utc_us, now_ms);
    leave_waiting(t);
    return change;
}

static bool
keep_waiting(struct transcript *t, const uint8_t *src, size_t len, int64_t utc_us, int64_t now_ms)
{
    struct transcript_chunk *c = t->chunk;

    if (c == NULL) {
        bool after_pause = now_ms - t->index_ms >= TRANSCRIPT_TIMES_MS;

        c = t->direct || after_pause || len >= TRANSCRIPT_AT_ONCE ? NULL : take_chunk(t->all);
        if (c == NULL) {
            return false;
        }
        *c = (struct transcript_chunk){ .utc_us = utc_us, .since_ms = now_ms };
        t->chunk = c;
        join_waiting(t);
    }
    if (len > sizeof c->bytes - c->len) {
        return false;
    }
    if (now_ms - t->index_ms >= TRANSCRIPT_INDEX_MS) {
        note_time(t, t->size + c->len, utc_us, now_ms);
    }
    memcpy(c->bytes + c->len, src, len);
    c->len += len;
    return true;
}

/* Of two changes the one that holds. */
static enum transcript_change
both(enum transcript_change a, enum transcript_change b)
{
    return b == TRANSCRIPT_SAME ? a : b;
}

enum transcript_change
transcript_append(struct transcript *t, const uint8_t *src, size_t len, int64_t utc_us, int64_t now_ms)
{
    enum transcript_change change;

    if (t->skip > 0) {
        size_t known = len < t->skip ? len : (size_t)t->skip;

        t->skip -= known;
        src += known;
        len -= known;
    }
    if (len == 0 || keep_waiting(t, src, len, utc_us, now_ms)) {
        return TRANSCRIPT_SAME;
    }
    change = transcript_flush(t, now_ms);
    return keep_waiting(t, src, len, utc_us, now_ms) ? change
                                                     : both(change, store(t, src, len, utc_us, now_ms));
}

void
transcript_close(struct transcript *t, int64_t now_ms)
{
    bool held;

    (void)transcript_flush(t, now_ms);
    /* The last chance: a record of 16 bytes most often fits in the block that the index has. */
    held = t->all->held;
    t->all->held = false;
    (void)mark_gap(t);
    write_times(t);
    t->all->held = held;
    (void)close(t->raw);
    (void)close(t->index);
}

/* ---- rotation */

/*
 * Bytes first: what is killed between the two is finished by finish_turn(). The new files are there before
 * the old ones are let go.
 */
static bool
turn(struct transcript *t)
{
    char head[2][PART_FILE];
    char part[2][PART_FILE];
    int dir = t->all->dir;
    int fd[2];
    off_t size;

    for (int i = 0; i < 2; i++) {
        part_head(head[i], t->name, i == 0 ? PART_RAW : PART_INDEX);
        part_name(part[i], t->name, i == 0 ? PART_RAW : PART_INDEX, t->base);
    }
    if (renameat(dir, head[0], dir, part[0]) != 0) {
        return false;
    }
    if (renameat(dir, head[1], dir, part[1]) != 0) {
        (void)renameat(dir, part[0], dir, head[0]);
        return false;
    }
    fd[0] = open_one(t, PART_RAW, O_EXCL, &size);
    fd[1] = fd[0] < 0 ? -1 : open_one(t, PART_INDEX, O_EXCL, &size);
    if (fd[1] < 0) {
        if (fd[0] >= 0) {
            (void)close(fd[0]);
        }
        (void)renameat(dir, part[1], dir, head[1]);
        (void)renameat(dir, part[0], dir, head[0]);
        return false;
    }
    (void)close(t->raw);
    (void)close(t->index);
    t->raw = fd[0];
    t->index = fd[1];
    return true;
}

bool
transcript_turn(struct transcript *t, int64_t utc_ms, int64_t now_ms)
{
    bool large = t->rotate_size > 0 && t->size >= t->rotate_size;
    bool pressed = t->all->held && t->size >= t->all->floor / PRESS_PART;
    bool old = t->rotate_age_ms > 0 && t->begun_ms > 0 && utc_ms - t->begun_ms >= t->rotate_age_ms;

    if (t->size == 0 || (!large && !old && !pressed) || now_ms < t->turn_ms || (t->error != 0 && !pressed)) {
        return false;
    }
    (void)transcript_flush(t, now_ms);
    write_times(t);
    if (!turn(t)) {
        t->turn_ms = now_ms + TURN_AGAIN_MS;
        return false;
    }
    t->base += t->size;
    t->size = 0;
    t->marks = 0;
    t->times = 0;
    t->begun_ms = 0;
    t->index_ms = now_ms - TRANSCRIPT_TIMES_MS;
    /* Now, and not with the first byte: the parts that tell it may be dropped before that comes. */
    (void)mark(t, NULL);
    return true;
}
