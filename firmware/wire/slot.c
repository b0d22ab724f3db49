#include "wire/slot.h"

#include <string.h>

#include "wire/base32.h"
#include "wire/hash.h"

#define VERSION 2u
#define VERSION_NAMED 1u /* that begins with a name: read, and never written */
#define CHECK_AT (WIRE_SLOT_SIZE - WIRE_HASH_SIZE)
#define FLAG_ENDED_CLEAN 1u
#define FLAG_HAS_PREVIOUS 2u
#define NONCE_ROOM 8

/* No text: strings(1) of the file shall not tell whose it is. */
static const uint8_t magic[8] = { 0x9E, 0x41, 0xD3, 0x0B, 0xE7, 0x88, 0x12, 0xFA };
static const uint8_t magic_named[8] = { 'T', 'O', 'C', 'S', 'N', 'S', 'E', 'S' };

struct writer {
    uint8_t *at;
};

static void
put_bytes(struct writer *w, const void *src, size_t len, size_t room)
{
    memcpy(w->at, src, len);
    w->at += room;
}

static void
put_u32(struct writer *w, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++) {
        *w->at++ = (uint8_t)(v >> 8 * i);
    }
}

static void
put_u64(struct writer *w, uint64_t v)
{
    put_u32(w, (uint32_t)v);
    put_u32(w, (uint32_t)(v >> 32));
}

void
wire_slot_encode(const struct wire_slot *slot, uint8_t out[WIRE_SLOT_SIZE])
{
    struct writer w = { .at = out };

    memset(out, 0, WIRE_SLOT_SIZE);
    put_bytes(&w, magic, sizeof(magic), sizeof(magic));
    put_u32(&w, VERSION);
    put_u32(&w, (slot->ended_clean ? FLAG_ENDED_CLEAN : 0) | (slot->has_previous ? FLAG_HAS_PREVIOUS : 0));
    put_u64(&w, slot->generation);
    put_bytes(&w, slot->host, strnlen(slot->host, WIRE_HOST_MAX), sizeof(slot->host));
    put_u32(&w, slot->session);
    put_bytes(&w, slot->root.bytes, WIRE_KEY_SIZE, WIRE_KEY_SIZE);
    if (slot->has_previous) {
        put_u32(&w, slot->previous_session);
        put_u32(&w, slot->previous_number);
        put_bytes(&w, slot->previous_nonce, WIRE_NONCE_CHARS, NONCE_ROOM);
    }
    wire_hash(out, CHECK_AT, out + CHECK_AT);
}

struct cursor {
    const uint8_t *at;
    const uint8_t *end;
    bool short_read;
};

static const uint8_t *
take_bytes(struct cursor *c, size_t len)
{
    static const uint8_t none[WIRE_KEY_SIZE];
    const uint8_t *at = c->at;

    if (c->short_read || len > (size_t)(c->end - c->at)) {
        c->short_read = true;
        return none;
    }
    c->at += len;
    return at;
}

static uint32_t
take_u32(struct cursor *c)
{
    const uint8_t *p = take_bytes(c, 4);

    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t
take_u64(struct cursor *c)
{
    uint64_t low = take_u32(c);

    return low | (uint64_t)take_u32(c) << 32;
}

static bool
all_zero(const uint8_t *at, size_t len)
{
    uint8_t any = 0;

    for (size_t i = 0; i < len; i++) {
        any |= at[i];
    }
    return any == 0;
}

/* A text of at most `max` bytes in its field, zeros behind it. */
static bool
take_text(struct cursor *c, size_t room, size_t max, char *out)
{
    const uint8_t *field = take_bytes(c, room);
    size_t len = 0;

#ifdef PLANT_SLOT
    max = room;
#endif
    while (len < max && field[len] != 0) {
        out[len] = (char)field[len];
        len++;
    }
    out[len] = '\0';
    return all_zero(field + len, room - len);
}

static bool
nonce_valid(const char *nonce)
{
    unsigned n = 0;

    while (n < WIRE_NONCE_CHARS && wire_base32_value(nonce[n]) >= 0) {
        n++;
    }
    return n == WIRE_NONCE_CHARS;
}

static bool
previous_valid(const struct wire_slot *s)
{
    if (s->has_previous) {
        return nonce_valid(s->previous_nonce) && s->previous_number <= WIRE_NUMBER_MAX;
    }
    return !s->ended_clean && s->previous_session == 0 && s->previous_number == 0 &&
           s->previous_nonce[0] == '\0';
}

enum state { SLOT_GOOD, SLOT_BLANK, SLOT_DAMAGED, SLOT_LATER };

static enum state
read_slot(const uint8_t slot[WIRE_SLOT_SIZE], struct wire_slot *out)
{
    struct cursor c = { .at = slot, .end = slot + CHECK_AT };
    struct wire_slot s;
    uint8_t check[WIRE_HASH_SIZE];
    uint32_t flags;
    uint32_t version;
    bool named, texts;

    if (all_zero(slot, WIRE_SLOT_SIZE)) {
        return SLOT_BLANK;
    }
    wire_hash(slot, CHECK_AT, check);
    take_bytes(&c, sizeof(magic));
    named = memcmp(slot, magic_named, sizeof(magic_named)) == 0;
    if (memcmp(check, slot + CHECK_AT, sizeof(check)) != 0 ||
            (!named && memcmp(slot, magic, sizeof(magic)) != 0)) {
        return SLOT_DAMAGED;
    }
    version = take_u32(&c);
    if (version != (named ? VERSION_NAMED : VERSION)) {
        return version > VERSION ? SLOT_LATER : SLOT_DAMAGED;
    }
    memset(&s, 0, sizeof(s));
    flags = take_u32(&c);
    s.ended_clean = (flags & FLAG_ENDED_CLEAN) != 0;
    s.has_previous = (flags & FLAG_HAS_PREVIOUS) != 0;
    s.generation = take_u64(&c);
    texts = take_text(&c, sizeof(s.host), WIRE_HOST_MAX, s.host);
    s.session = take_u32(&c);
    memcpy(s.root.bytes, take_bytes(&c, WIRE_KEY_SIZE), WIRE_KEY_SIZE);
    s.previous_session = take_u32(&c);
    s.previous_number = take_u32(&c);
    texts = take_text(&c, NONCE_ROOM, WIRE_NONCE_CHARS, s.previous_nonce) && texts;
    if (c.short_read || !texts || !all_zero(c.at, (size_t)(c.end - c.at)) ||
            (flags & ~(FLAG_ENDED_CLEAN | FLAG_HAS_PREVIOUS)) != 0 || s.generation == 0 ||
            !wire_host_valid(s.host, strlen(s.host)) || !previous_valid(&s)) {
        return SLOT_DAMAGED;
    }
    *out = s;
    wire_wipe(&s, sizeof(s));
    return SLOT_GOOD;
}

int
wire_slot_decode(const uint8_t file[WIRE_SLOT_FILE], struct wire_slot *out, unsigned *which, bool *damaged)
{
    struct wire_slot s[WIRE_SLOTS];
    enum state state[WIRE_SLOTS];
    unsigned best;
    bool torn;
    int result = 0;

    for (unsigned i = 0; i < WIRE_SLOTS; i++) {
        state[i] = read_slot(file + (size_t)i * WIRE_SLOT_SIZE, &s[i]);
    }
    if (state[0] == SLOT_LATER || state[1] == SLOT_LATER) {
        result = WIRE_SLOT_E_VERSION;
    } else if (state[0] == SLOT_BLANK && state[1] == SLOT_BLANK) {
        result = WIRE_SLOT_E_BLANK;
    } else if (state[0] != SLOT_GOOD && state[1] != SLOT_GOOD) {
        result = WIRE_SLOT_E_DAMAGED;
    }
    if (result != 0) {
        wire_wipe(s, sizeof(s));
        return result;
    }
    best = state[0] != SLOT_GOOD || (state[1] == SLOT_GOOD && s[1].generation > s[0].generation);
    torn = state[!best] == SLOT_DAMAGED;
    if (state[!best] == SLOT_GOOD && s[0].generation == s[1].generation) {
        /* The writer never makes two states of one generation. */
        torn = memcmp(file, file + WIRE_SLOT_SIZE, WIRE_SLOT_SIZE) != 0;
    }
    *out = s[best];
    wire_wipe(s, sizeof(s));
    *which = best;
    if (damaged != NULL) {
        *damaged = torn;
    }
    return 0;
}
