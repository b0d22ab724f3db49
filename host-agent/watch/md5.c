#include "watch/md5.h"
#include <string.h>

#define LEN_AT (MD5_BLOCK - 8) /* of the length, in the last block */

/* clang-format off */
static const uint32_t sines[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};

static const uint8_t turns[4][4] = {
    { 7, 12, 17, 22 }, { 5, 9, 14, 20 }, { 4, 11, 16, 23 }, { 6, 10, 15, 21 },
};
/* clang-format on */

static uint32_t
word_at(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* The function and the word of step `i`. */
static uint32_t
mix(unsigned i, const uint32_t s[4], unsigned *word)
{
    switch (i / 16) {
    case 0:
        *word = i;
        return (s[1] & s[2]) | (~s[1] & s[3]);
    case 1:
        *word = (5 * i + 1) % 16;
        return (s[3] & s[1]) | (~s[3] & s[2]);
    case 2:
        *word = (3 * i + 5) % 16;
        return s[1] ^ s[2] ^ s[3];
    default:
        *word = 7 * i % 16;
        return s[2] ^ (s[1] | ~s[3]);
    }
}

static void
add_block(uint32_t state[4], const uint8_t *block)
{
    uint32_t s[4];

    memcpy(s, state, sizeof(s));
    for (unsigned i = 0; i < 64; i++) {
        unsigned word;
        uint32_t sum = s[0] + mix(i, s, &word) + sines[i] + word_at(block + (size_t)4 * word);
        unsigned turn = turns[i / 16][i % 4];

        s[0] = s[3];
        s[3] = s[2];
        s[2] = s[1];
        s[1] += sum << turn | sum >> (32 - turn);
    }
    for (unsigned i = 0; i < 4; i++) {
        state[i] += s[i];
    }
}

void
md5_init(struct md5 *m)
{
    static const uint32_t begin[4] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476 };

    memset(m, 0, sizeof(*m));
    memcpy(m->state, begin, sizeof(begin));
}

void
md5_update(struct md5 *m, const void *src, size_t len)
{
    const uint8_t *p = src;
    size_t held = m->len % MD5_BLOCK;

    m->len += len;
    if (held > 0) {
        size_t n = MD5_BLOCK - held < len ? MD5_BLOCK - held : len;

        memcpy(m->block + held, p, n);
        p += n;
        len -= n;
        if (held + n < MD5_BLOCK) {
            return;
        }
        add_block(m->state, m->block);
    }
    for (; len >= MD5_BLOCK; len -= MD5_BLOCK, p += MD5_BLOCK) {
        add_block(m->state, p);
    }
    if (len > 0) {
        memcpy(m->block, p, len);
    }
}

void
md5_final(struct md5 *m, uint8_t digest[MD5_SIZE])
{
    static const uint8_t pad[MD5_BLOCK] = { 0x80 };
    uint8_t bits[8];
    size_t held = m->len % MD5_BLOCK;

    for (unsigned i = 0; i < 8; i++) {
        bits[i] = (uint8_t)(m->len * 8 >> 8 * i);
    }
    md5_update(m, pad, held < LEN_AT ? LEN_AT - held : MD5_BLOCK + LEN_AT - held);
    md5_update(m, bits, sizeof(bits));
    for (unsigned i = 0; i < MD5_SIZE; i++) {
        digest[i] = (uint8_t)(m->state[i / 4] >> 8 * (i % 4));
    }
}
