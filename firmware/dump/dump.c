#include "dump/dump.h"

#include "wire/crc32.h"
#include <stdbool.h>
#include <string.h>

#define START 4 /* kind, class, size */
#define CHECK 4
#define HEAD_SIZE 40
#define RECORD_SIZE 8 /* without the record's bytes */
#define END_SIZE 12

static const uint8_t magic[] = { 'T', 'O', 'C', 'S', 'D', 'U', 'M', 'P' };

_Static_assert(START + RECORD_SIZE + DUMP_BYTES_MAX + CHECK <= DUMP_FRAME_MAX, "the largest frame fits");
_Static_assert(START + HEAD_SIZE + CHECK <= DUMP_FRAME_MAX, "a head fits");

/* ---- writing ---- */

static uint8_t *
put_u16(uint8_t *to, uint32_t value)
{
    to[0] = (uint8_t)value;
    to[1] = (uint8_t)(value >> 8);
    return to + 2;
}

static uint8_t *
put_u32(uint8_t *to, uint32_t value)
{
    return put_u16(put_u16(to, value), value >> 16);
}

static uint8_t *
put_start(uint8_t *to, enum dump_kind kind, uint8_t class, size_t size)
{
    *to++ = (uint8_t)kind;
    *to++ = class;
    return put_u16(to, (uint32_t)size);
}

/* Behind the body, which ends at `to`. */
static size_t
put_check(uint8_t *frame, uint8_t *to)
{
    size_t len = (size_t)(to - frame);

    (void)put_u32(to, wire_crc32(frame, len));
    return len + CHECK;
}

size_t
dump_put_head(const struct dump_head *head, uint8_t out[DUMP_FRAME_MAX])
{
    uint8_t *to = put_start(out, DUMP_HEAD, 0, HEAD_SIZE);

    memcpy(to, magic, sizeof(magic));
    to = put_u16(put_u16(to + sizeof(magic), DUMP_VERSION), 0);
    to = put_u32(put_u32(put_u32(to, head->boot), head->committed), head->harvested);
    bool ended = false;

    for (size_t i = 0; i < DUMP_SERIAL; i++) {
        ended = ended || head->serial[i] == '\0';
        *to++ = ended ? 0 : (uint8_t)head->serial[i];
    }
    return put_check(out, to);
}

size_t
dump_put_record(const struct dump_record *record, uint8_t out[DUMP_FRAME_MAX])
{
    size_t len = record->len < DUMP_BYTES_MAX ? record->len : DUMP_BYTES_MAX;
    uint8_t *to = put_start(out, DUMP_RECORD, record->class, RECORD_SIZE + len);

    to = put_u32(put_u32(to, record->number), record->boot);
    memcpy(to, record->bytes, len);
    return put_check(out, to + len);
}

size_t
dump_put_end(const struct dump_end *end, uint8_t out[DUMP_FRAME_MAX])
{
    uint8_t *to = put_start(out, DUMP_END, 0, END_SIZE);

    return put_check(out, put_u32(put_u32(put_u32(to, end->records), end->spoilt), end->last));
}

/* ---- reading ---- */

struct cursor {
    const uint8_t *at;
    const uint8_t *end;
    bool short_read;
};

static uint32_t
take(struct cursor *c, unsigned bytes)
{
    uint32_t value = 0;

    if ((size_t)(c->end - c->at) < bytes) {
        c->short_read = true;
        return 0;
    }
    for (unsigned i = 0; i < bytes; i++) {
        value |= (uint32_t)*c->at++ << (8 * i);
    }
    return value;
}

static bool
is_serial(const char *text)
{
    size_t len = 0;

    while (len < DUMP_SERIAL && text[len] != '\0') {
        char c = text[len++];

        if ((c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')) {
            return false;
        }
    }
    while (len < DUMP_SERIAL) {
        if (text[len++] != '\0') {
            return false;
        }
    }
    return true;
}

static bool
take_head(struct cursor *c, struct dump_head *out)
{
    bool ours = true;

    for (size_t i = 0; i < sizeof(magic); i++) {
        ours = take(c, 1) == magic[i] && ours;
    }
    uint32_t version = take(c, 2);
    uint32_t none = take(c, 2);

    out->boot = take(c, 4);
    out->committed = take(c, 4);
    out->harvested = take(c, 4);
    for (size_t i = 0; i < DUMP_SERIAL; i++) {
        out->serial[i] = (char)take(c, 1);
    }
    out->serial[DUMP_SERIAL] = '\0';
    return !c->short_read && ours && version == DUMP_VERSION && none == 0 && is_serial(out->serial);
}

static bool
take_record(struct cursor *c, uint8_t class, struct dump_record *out)
{
    out->class = class;
    out->number = take(c, 4);
    out->boot = take(c, 4);
    out->bytes = c->at;
    out->len = (size_t)(c->end - c->at);
    c->at = c->end;
    return !c->short_read && class < DUMP_CLASSES && out->number > 0 && out->len > 0 &&
           out->len <= DUMP_BYTES_MAX;
}

static bool
take_end(struct cursor *c, struct dump_end *out)
{
    out->records = take(c, 4);
    out->spoilt = take(c, 4);
    out->last = take(c, 4);
    return !c->short_read;
}

/* A whole frame whose check fits. */
static bool
take_frame(const uint8_t *frame, size_t body, struct dump_frame *out)
{
    struct cursor c = { .at = frame + START, .end = frame + START + body };
    struct dump_frame f;
    bool good = false;

    memset(&f, 0, sizeof(f));
    f.kind = (enum dump_kind)frame[0];
    switch (f.kind) {
    case DUMP_HEAD:
        good = frame[1] == 0 && take_head(&c, &f.head);
        break;
    case DUMP_RECORD:
        good = take_record(&c, frame[1], &f.record);
        break;
    case DUMP_END:
        good = frame[1] == 0 && take_end(&c, &f.end);
        break;
    default:
        break;
    }
    if (!good || c.at != c.end) {
        return false;
    }
    *out = f;
    return true;
}

/* What the bytes of a body can be at most and at least. */
static bool
size_fits(uint8_t kind, size_t size)
{
    switch (kind) {
    case DUMP_HEAD:
        return size == HEAD_SIZE;
    case DUMP_RECORD:
#ifdef PLANT_DUMP
        return size > RECORD_SIZE;
#else
        return size > RECORD_SIZE && size <= RECORD_SIZE + DUMP_BYTES_MAX;
#endif
    case DUMP_END:
        return size == END_SIZE;
    default:
        return false;
    }
}

void
dump_reader_init(struct dump_reader *r)
{
    memset(r, 0, sizeof(*r));
}

static void
leave_out(struct dump_reader *r, size_t len)
{
    r->len -= len;
    memmove(r->bytes, r->bytes + len, r->len);
}

enum look { LOOK_MORE, LOOK_FOUND, LOOK_RUBBISH };

/* At what the reader's bytes begin with; *size gets how many bytes it needs, or is. */
static enum look
look(const struct dump_reader *r, size_t *size, struct dump_frame *out)
{
    *size = START;
    if (r->len > 0 && (r->bytes[0] < DUMP_HEAD || r->bytes[0] > DUMP_END)) {
        return LOOK_RUBBISH;
    }
    if (r->len < START) {
        return LOOK_MORE;
    }
    size_t body = (size_t)(r->bytes[2] | r->bytes[3] << 8);

    if (!size_fits(r->bytes[0], body)) {
        return LOOK_RUBBISH;
    }
    *size = START + body + CHECK;
    if (r->len < *size) {
        return LOOK_MORE;
    }
    struct cursor check = { .at = r->bytes + START + body, .end = r->bytes + *size };

    if (take(&check, CHECK) != wire_crc32(r->bytes, START + body) || !take_frame(r->bytes, body, out)) {
        return LOOK_RUBBISH;
    }
    return LOOK_FOUND;
}

static void
pass(struct dump_reader *r)
{
    r->rubbish++;
    leave_out(r, 1);
}

/* The frame that was given last is done with. */
static void
go_on(struct dump_reader *r)
{
    leave_out(r, r->used);
    r->used = 0;
}

int
dump_feed(struct dump_reader *r, const uint8_t *src, size_t len, size_t *took, struct dump_frame *out)
{
    size_t size;

    go_on(r);
    *took = 0;
    for (;;) {
        switch (look(r, &size, out)) {
        case LOOK_FOUND:
            r->used = size;
            return DUMP_FOUND;
        case LOOK_RUBBISH:
            pass(r);
            break;
        case LOOK_MORE:
            if (*took == len) {
                return DUMP_MORE;
            }
            size_t left = len - *took;
            size_t some = size - r->len < left ? size - r->len : left;

            memcpy(r->bytes + r->len, src + *took, some);
            r->len += some;
            *took += some;
            break;
        }
    }
}

int
dump_finish(struct dump_reader *r, struct dump_frame *out)
{
    size_t size;

    go_on(r);
    while (r->len > 0) {
        if (look(r, &size, out) == LOOK_FOUND) {
            r->used = size;
            return DUMP_FOUND;
        }
        pass(r);
    }
    return DUMP_MORE;
}
