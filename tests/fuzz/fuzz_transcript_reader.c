#include "belfry/keeper/pack.h"
#include "belfry/transcript/reader.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const files[] = { "a.raw.0000000000000000", "a.idx.0000000000000000",
    "a.raw.0000000000000100", "a.idx.0000000000000100", "a.raw", "a.idx" };

static char path[] = "files-XXXXXX";
static int dir = -1;

static void
remove_directory(void)
{
    for (unsigned i = 0; i < sizeof files / sizeof files[0]; i++) {
        (void)unlinkat(dir, files[i], 0);
    }
    (void)rmdir(path);
}

static void
make_directory(void)
{
    if (dir < 0 && mkdtemp(path) != NULL) {
        dir = open(path, O_RDONLY | O_DIRECTORY);
        (void)atexit(remove_directory);
    }
}

static void
write_file(const char *name, const uint8_t *src, size_t len)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    if (write(fd, src, len) != (ssize_t)len) {
        abort();
    }
    (void)close(fd);
}

/* Every file gets what is between two separators; a record of an index is as likely as noise. */
static void
write_files(const uint8_t *data, size_t size)
{
    size_t share = size / 6;

    for (unsigned i = 0; i < 6; i++) {
        write_file(files[i], data + i * share, share);
    }
}

static void
drain(struct reader *r)
{
    volatile uint8_t sum = 0;
    struct reader_piece p;
    char text[TRANSCRIPT_TEXT];
    unsigned pieces = 0;

    do {
        reader_next(r, &p);
        for (size_t i = 0; p.what == READER_BYTES_CAME && i < p.len; i++) {
            sum = (uint8_t)(sum + p.bytes[i]);
        }
        if (p.what == READER_MARK) {
            (void)transcript_mark_text(&p.mark, text);
        }
        if (++pieces > 100000) {
            abort(); /* it turns in a circle */
        }
    } while (p.what != READER_END && p.what != READER_OVER);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader *r = malloc(sizeof *r);
    uint8_t how = size > 0 ? data[0] : 0;

    if (size < 8) {
        free(r);
        return 0;
    }
    make_directory();
    write_files(data + 1, size - 1);
    if (how % 4 == 1) {
        (void)pack_part(dir, "a", 0);
    } else if (how % 4 == 2) {
        write_file("a.zst.0000000000000100", data + 1, size - 1);
        (void)unlinkat(dir, files[2], 0);
    }
    if (reader_open(r, dir, "a") == 0) {
        drain(r);
        if (reader_since(r, (uint64_t)how << 4) == 0) {
            reader_until(r, (uint64_t)how << 8 | 1);
            drain(r);
        }
        if (reader_back(r, how) == 0) {
            drain(r);
        }
        reader_close(r);
    }
    (void)unlinkat(dir, "a.zst.0000000000000000", 0);
    (void)unlinkat(dir, "a.zst.0000000000000100", 0);
    free(r);
    return 0;
}
