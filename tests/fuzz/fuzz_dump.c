/*
 * Any bytes as a dump. The first byte says in which pieces the rest comes, and whether checks are put right:
 * else nothing behind them would be reached. What is found is what would be written.
 */
#include "dump/dump.h"
#include "wire/crc32.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t
write_again(const struct dump_frame *f, uint8_t out[DUMP_FRAME_MAX])
{
    switch (f->kind) {
    case DUMP_HEAD:
        return dump_put_head(&f->head, out);
    case DUMP_RECORD:
        return dump_put_record(&f->record, out);
    default:
        return dump_put_end(&f->end, out);
    }
}

static void
check_frame(const struct dump_reader *r, const struct dump_frame *f)
{
    uint8_t again[DUMP_FRAME_MAX];
    size_t len = write_again(f, again);

    if (len != r->used || memcmp(again, r->bytes, len) != 0) {
        abort();
    }
}

/* The check of whatever could be a frame. */
static void
put_checks_right(uint8_t *bytes, size_t len)
{
    for (size_t at = 0; at + 8 <= len; at++) {
        size_t body = (size_t)(bytes[at + 2] | bytes[at + 3] << 8);

        if (bytes[at] >= DUMP_HEAD && bytes[at] <= DUMP_END && body <= len - at - 8) {
            uint32_t check = wire_crc32(bytes + at, 4 + body);

            for (unsigned i = 0; i < 4; i++) {
                bytes[at + 4 + body + i] = (uint8_t)(check >> (8 * i));
            }
            at += body + 7;
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dump_reader r;
    struct dump_frame f;
    size_t frames = 0;

    if (size == 0) {
        return 0;
    }
    size_t len = size - 1;
    size_t piece = (data[0] & 0x7f) + 1U;
    uint8_t *bytes = malloc(len > 0 ? len : 1);

    memcpy(bytes, data + 1, len);
    if ((data[0] & 0x80) != 0) {
        put_checks_right(bytes, len);
    }
    dump_reader_init(&r);
    for (size_t at = 0; at < len;) {
        size_t took;
        size_t some = len - at < piece ? len - at : piece;

        if (dump_feed(&r, bytes + at, some, &took, &f) == DUMP_FOUND) {
            check_frame(&r, &f);
            frames += r.used;
        }
        at += took;
    }
    while (dump_finish(&r, &f) == DUMP_FOUND) {
        check_frame(&r, &f);
        frames += r.used;
    }
    if (r.rubbish + frames != len) {
        abort();
    }
    free(bytes);
    return 0;
}
