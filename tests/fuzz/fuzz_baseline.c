/*
 * The baseline parser. The digest is put right first, as an attacker would: what is fuzzed is what is behind
 * it. What parses is in order, is found by its path, and nothing else is.
 */
#include "watch/baseline.h"
#include "watch/baseline_format.h"
#include <stdlib.h>
#include <string.h>

#define ENTRIES 200

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_found(const struct baseline *b, const struct baseline_entry *e)
{
    struct baseline_entry found;

    if (!baseline_find(b, e->path, e->path_len, &found) || found.path != e->path || found.mode > 07777) {
        abort();
    }
}

static void
check_all(const struct baseline *b)
{
    struct baseline_iter it;
    struct baseline_entry e, last = { .path_len = 0 };
    uint64_t n = 0;
    unsigned sum = 0;

    baseline_seek(&it, b, (const uint8_t *)"/", 1);
    for (; baseline_next(&it, &e); n++) {
        if (n > 0 && baseline_order(last.path, last.path_len, e.path, e.path_len) >= 0) {
            abort();
        }
        for (size_t i = 0; i < e.link_len; i++) {
            sum += e.link[i];
        }
        check_found(b, &e);
        last = e;
    }
    if (n != b->count || sum == 0xFFFFFFFFu) {
        abort();
    }
}

static void
put_le(uint8_t *at, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        at[i] = (uint8_t)(value >> (8 * i));
    }
}

/* An entry with a path of its own: type, state and name from three bytes of the input. */
static size_t
put_entry(uint8_t *at, unsigned number, const uint8_t *in)
{
    uint8_t type = in[0] % BASELINE_TYPES, state = in[1] % BASELINE_STATES;
    unsigned name = in[2] % 8, link = type == BASELINE_LINK ? in[1] % 32 : 0;
    size_t len = BASELINE_ENTRY;

    memset(at, 0, BASELINE_ENTRY + WIRE_HASH_SIZE);
    put_le(at, 5 + name, 2);
    put_le(at + 2, link, 2);
    at[4] = type;
    at[5] = state;
    len += type == BASELINE_REGULAR && state == BASELINE_READ ? WIRE_HASH_SIZE : 0;
    at[len] = '/';
    for (unsigned i = 0; i < 4; i++) {
        at[len + 1 + i] = (uint8_t)('a' + (number >> (4 * (3 - i)) & 15));
    }
    memset(at + len + 5, in[2] == 0 || in[2] == '/' ? 'x' : in[2], name);
    memset(at + len + 5 + name, 't', link);
    return len + 5 + name + link;
}

/* A whole baseline of as many entries as the input has bytes for; then a few of its bytes are changed. */
static size_t
put_whole(uint8_t *file, const uint8_t *in, size_t size)
{
    static const uint8_t head[BASELINE_HEADER] = BASELINE_MAGIC "\1";
    unsigned changes = in[0] % 4, count = 0;
    uint64_t slot[ENTRIES / BASELINE_STRIDE + 1];
    const uint8_t *end = in + size, *at = in + 1;
    size_t len = BASELINE_HEADER;

    memcpy(file, head, sizeof(head));
    for (; end - at >= 3 + 3 * (ptrdiff_t)changes && count < ENTRIES; at += 3, count++) {
        if (count % BASELINE_STRIDE == 0) {
            slot[count / BASELINE_STRIDE] = len;
        }
        len += put_entry(file + len, count, at);
    }
    size_t entries_end = len;
    for (unsigned i = 0; i * BASELINE_STRIDE < count; i++, len += 8) {
        put_le(file + len, slot[i], 8);
    }
    put_le(file + len, count, 8);
    put_le(file + len + 8, entries_end, 8);
    len += BASELINE_FOOTER;
    for (; changes > 0 && end - at >= 3; changes--, at += 3) {
        file[(at[0] | (size_t)at[1] << 8) % (len - WIRE_HASH_SIZE)] = at[2];
    }
    return len;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t file[65536];
    struct baseline b;
    struct baseline_error error = { "" };
    size_t len = size - 1;

    if (size < 2 || size > 4096) {
        return 0;
    }
    if (data[0] & 1) {
        len = put_whole(file, data + 1, len);
    } else {
        memcpy(file, data + 1, len);
    }
    /* On the heap and of the exact size, so that one byte too far is seen. */
    uint8_t *exact = malloc(len);
    memcpy(exact, file, len);
    if (len >= WIRE_HASH_SIZE) {
        wire_hash(exact, len - WIRE_HASH_SIZE, exact + len - WIRE_HASH_SIZE);
    }
    if (baseline_parse(&b, exact, len, &error)) {
        check_all(&b);
    } else if (error.text[0] == '\0') {
        abort();
    }
    free(exact);
    return 0;
}
