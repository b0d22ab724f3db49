#include "belfry/line/transcript.h"

#include "belfry/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void
put_u64(uint8_t *out, uint64_t v)
{
    for (int i = 0; i < 8; i++) {
        out[i] = (uint8_t)(v >> (8 * i));
    }
}

static uint64_t
get_u64(const uint8_t *src)
{
    uint64_t v = 0;

    for (int i = 7; i >= 0; i--) {
        v = v << 8 | src[i];
    }
    return v;
}

void
transcript_mark_read(const uint8_t src[TRANSCRIPT_RECORD], struct transcript_mark *out)
{
    uint64_t offset = get_u64(src);

    out->gap = (offset & TRANSCRIPT_GAP) != 0;
    out->offset = offset & ~TRANSCRIPT_GAP;
    out->value = get_u64(src + 8);
}

static int
open_one(int dir, const char *name, const char *suffix, off_t *size)
{
    char file[CONF_NAME + 8];
    struct stat st;
    int fd;

    (void)snprintf(file, sizeof file, "%s%s", name, suffix);
    fd = openat(
            dir, file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0600);
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

int
transcript_open(struct transcript *t, int dir, const char *name)
{
    off_t size = 0;

    memset(t, 0, sizeof *t);
    t->index_ms = -TRANSCRIPT_INDEX_MS;
    t->index = open_one(dir, name, ".idx", &size);
    if (t->index < 0) {
        return t->index;
    }
    /* A record that a crash cut short would shift all that come after it. */
    if (size % TRANSCRIPT_RECORD != 0 && ftruncate(t->index, size - size % TRANSCRIPT_RECORD) != 0) {
        (void)close(t->index);
        return -errno;
    }
    t->raw = open_one(dir, name, ".raw", &size);
    if (t->raw < 0) {
        (void)close(t->index);
        return t->raw;
    }
    t->size = (uint64_t)size;
    return 0;
}

void
transcript_close(struct transcript *t)
{
    (void)close(t->raw);
    (void)close(t->index);
}

/* False when it was not written; half a record is taken back. */
static bool
mark(struct transcript *t, uint64_t offset, uint64_t value)
{
    uint8_t record[TRANSCRIPT_RECORD];
    off_t end = lseek(t->index, 0, SEEK_END);
    ssize_t n;

    put_u64(record, offset);
    put_u64(record + 8, value);
    n = write(t->index, record, sizeof record);
    if (n > 0 && n < (ssize_t)sizeof record) {
        (void)!ftruncate(t->index, end);
    }
    return n == (ssize_t)sizeof record;
}

static size_t
write_all(struct transcript *t, const uint8_t *src, size_t len)
{
    size_t done = 0;

    t->error = 0;
    while (done < len) {
        ssize_t n = write(t->raw, src + done, len - done);

        if (n > 0) {
            done += (size_t)n;
        } else if (n < 0 && errno != EINTR) {
            t->error = errno;
            break;
        }
    }
    t->size += done;
    return done;
}

static void
lose(struct transcript *t, size_t len, int64_t now_ms)
{
    t->lost += len;
    t->lost_all += len;
    t->retry_ms = now_ms + TRANSCRIPT_RETRY_MS;
}

/* True when the gap is marked, so that bytes may follow it. */
static bool
resume(struct transcript *t)
{
    if (!mark(t, t->size | TRANSCRIPT_GAP, t->lost)) {
        return false;
    }
    t->lost = 0;
    return true;
}

enum transcript_change
transcript_append(struct transcript *t, const uint8_t *src, size_t len, int64_t utc_us, int64_t now_ms)
{
    bool failed = t->error != 0;
    size_t done;

    if (t->skip > 0) {
        size_t known = len < t->skip ? len : (size_t)t->skip;

        t->skip -= known;
        src += known;
        len -= known;
    }
    if (len == 0) {
        return TRANSCRIPT_SAME;
    }
    if (failed && (now_ms < t->retry_ms || !resume(t))) {
        lose(t, len, now_ms < t->retry_ms ? t->retry_ms - TRANSCRIPT_RETRY_MS : now_ms);
        return TRANSCRIPT_SAME;
    }
    if (now_ms - t->index_ms >= TRANSCRIPT_INDEX_MS || failed) {
        (void)mark(t, t->size, (uint64_t)utc_us * 1000);
        t->index_ms = now_ms;
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
