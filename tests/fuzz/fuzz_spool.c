/*
 * A directory with any bytes in its segments: what the spool hands out are the sealed lines that stand there,
 * in order, without copies, whatever is between them, and also after old segments were rewritten.
 *
 * A byte of 0x80 and above stands for a sealed line, 0x7F for the beginning of another segment, the others
 * for themselves.
 */
#include "courier/spool.h"
#include "unit/spool/disk.h"
#include <stdio.h>

#define LINES 4096
#define SEGMENTS 24

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct disk disk;
static struct spool spool;
static struct spool_id want[LINES];
static unsigned wanted;

static void
check(bool holds)
{
    if (!holds) {
        __builtin_trap();
    }
}

/* What a byte of the input stands for; made once, as sealing is slow. */
static const char *
meaning_of(uint8_t byte, size_t *len)
{
    static char lines[128][WIRE_LINE_MAX];
    static size_t lens[128];
    static char self;
    unsigned i = byte & 127;

    if (byte < 0x80) {
        self = (char)byte;
        *len = byte != 0x7F;
        return &self;
    }
    if (lens[i] == 0) {
        lens[i] = disk_line(1 + (i >> 5 & 1), i & 31, i % 3 == 0 ? WIRE_INFO : WIRE_CRIT, lines[i]);
    }
    *len = lens[i];
    return lines[i];
}

static void
fill_disk(const uint8_t *data, size_t size)
{
    char name[DISK_NAME];
    unsigned number = 1;
    int file = -1;
    size_t len = 0;

    for (size_t i = 0; i < size; i++) {
        size_t n;
        const char *bytes = meaning_of(data[i], &n);

        if (file < 0 || data[i] == 0x7F) {
            snprintf(name, sizeof(name), "spool.%08u", number++);
            file = disk_create(&disk, name);
            len = 0;
        }
        if (number > SEGMENTS) {
            return;
        }
        if (n > 0 && disk_write(&disk, file, bytes, n, len) == (ssize_t)n) {
            len += n;
        }
    }
}

static void
expect_line(const char *bytes, size_t len, bool lean)
{
    struct wire_line line;

    if (wire_line_parse(bytes, len, &line) != 0 || (lean && line.head.severity == WIRE_INFO)) {
        return;
    }
    struct spool_id id = { .session = line.head.session, .number = line.head.number };
    memcpy(id.nonce, line.head.nonce, sizeof(id.nonce));
    const struct spool_id *last = wanted > 0 ? &want[wanted - 1] : NULL;
    if (last != NULL && last->session == id.session && strcmp(last->nonce, id.nonce) == 0 &&
            id.number <= last->number) {
        return;
    }
    if (wanted < LINES) {
        want[wanted++] = id;
    }
}

/* What stands there, in the plainest way. */
static void
expect(bool lean)
{
    wanted = 0;
    for (unsigned i = 0; i < disk.files; i++) {
        const char *at = (const char *)disk.file[i].now;
        const char *end = at + disk.file[i].len;

        for (const char *lf; at < end && (lf = memchr(at, '\n', (size_t)(end - at))) != NULL; at = lf + 1) {
            expect_line(at, (size_t)(lf - at), lean);
        }
    }
}

static void
read_all(void)
{
    struct spool_line line;
    unsigned got = 0;

    for (; spool_peek(&spool, &line); got++) {
        struct wire_line parsed;

        check(wire_line_parse(line.bytes, line.len, &parsed) == 0);
        check(got < wanted && line.id.session == want[got].session && line.id.number == want[got].number);
        spool_take(&spool);
    }
    check(got == wanted);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char line[WIRE_LINE_MAX];

    disk_reset(&disk);
    fill_disk(data, size);
    disk.open_handles = 0;
    expect(false);
    check(spool_open_on(&spool, &disk_ops, &disk, SPOOL_LIMIT) == 0);
    read_all();
    spool_rewind(&spool);
    expect(true);
    spool.limit = 0;
    for (unsigned i = 0; i < DISK_FILES && spool.segments > 0; i++) {
        check(spool_append(&spool, line, disk_line(3, i, WIRE_CRIT, line)));
        (void)spool_sync(&spool);
    }
    spool.error = 0;
    read_all();
    spool_close(&spool);
    check(disk.open_handles == 0);
    return 0;
}
