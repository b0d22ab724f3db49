#include "logger/copies.h"

#include <string.h>

/* HalfSipHash (J.-P. Aumasson, D. J. Bernstein), 64 bits out. */
struct sip {
    uint32_t v[4];
};

static uint32_t
rotate(uint32_t x, unsigned by)
{
    return x << by | x >> (32 - by);
}

static void
mix(struct sip *s, unsigned rounds)
{
    uint32_t *v = s->v;

    for (unsigned i = 0; i < rounds; i++) {
        v[0] += v[1];
        v[1] = rotate(v[1], 5) ^ v[0];
        v[0] = rotate(v[0], 16);
        v[2] += v[3];
        v[3] = rotate(v[3], 8) ^ v[2];
        v[0] += v[3];
        v[3] = rotate(v[3], 7) ^ v[0];
        v[2] += v[1];
        v[1] = rotate(v[1], 13) ^ v[2];
        v[2] = rotate(v[2], 16);
    }
}

static void
take_word(struct sip *s, uint32_t word)
{
    s->v[3] ^= word;
    mix(s, 2);
    s->v[0] ^= word;
}

void
copies_init(struct copies *w)
{
    memset(w, 0, sizeof(*w));
}

struct copies_mark
copies_mark_of(const struct copies_key *key, const struct wire_line *line)
{
    struct sip s = { { key->half[0], key->half[1] ^ 0xEE, 0x6C796765 ^ key->half[0],
            0x74656462 ^ key->half[1] } };
    struct copies_mark mark;
    uint32_t word = 0;

    for (size_t i = 0; i < line->len; i++) {
        word |= (uint32_t)(uint8_t)line->bytes[i] << 8 * (i % 4);
        if (i % 4 == 3) {
            take_word(&s, word);
            word = 0;
        }
    }
    take_word(&s, word | (uint32_t)line->len << 24);
    s.v[2] ^= 0xEE;
    mix(&s, 4);
    mark.half[0] = s.v[1] ^ s.v[3];
    s.v[1] ^= 0xDD;
    mix(&s, 4);
    mark.half[1] = s.v[1] ^ s.v[3];
    return mark;
}

bool
copies_seen(const struct copies *w, const struct copies_mark *mark)
{
    for (unsigned i = 0; i < w->count; i++) {
        const struct copies_mark *m = &w->mark[(w->next + COPIES_KEPT - 1 - i) % COPIES_KEPT];

        if (m->half[0] == mark->half[0] && m->half[1] == mark->half[1]) {
            return true;
        }
    }
    return false;
}

void
copies_add(struct copies *w, const struct copies_mark *mark)
{
    w->mark[w->next] = *mark;
    w->next = (uint8_t)((w->next + 1) % COPIES_KEPT);
    w->count = (uint8_t)(w->count + (w->count < COPIES_KEPT));
}

bool
copies_full(const struct copies *w)
{
    return w->count == COPIES_KEPT;
}

void
copies_add_older(struct copies *w, const struct copies_mark *mark)
{
    if (!copies_full(w)) {
        w->count++;
        w->mark[(unsigned)(w->next + COPIES_KEPT - w->count) % COPIES_KEPT] = *mark;
    }
}
