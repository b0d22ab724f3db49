#include "wire/crc32.h"

/*
 * A CRC is linear, so each table entry is the exclusive-or of what its bits give alone: 32 numbers make the
 * 1024 entries, at compile time.
 */
#define BIT(i, b, v) (((i) >> (b)&1u) ? (v) : 0u)
#define ENTRY(i, a, b, c, d, e, f, g, h)                                                       \
    (BIT(i, 0, a) ^ BIT(i, 1, b) ^ BIT(i, 2, c) ^ BIT(i, 3, d) ^ BIT(i, 4, e) ^ BIT(i, 5, f) ^ \
            BIT(i, 6, g) ^ BIT(i, 7, h))
#define E0(i)                                                                                           \
    ENTRY(i, 0x77073096u, 0xEE0E612Cu, 0x076DC419u, 0x0EDB8832u, 0x1DB71064u, 0x3B6E20C8u, 0x76DC4190u, \
            0xEDB88320u)
#define E1(i)                                                                                           \
    ENTRY(i, 0x191B3141u, 0x32366282u, 0x646CC504u, 0xC8D98A08u, 0x4AC21251u, 0x958424A2u, 0xF0794F05u, \
            0x3B83984Bu)
#define E2(i)                                                                                           \
    ENTRY(i, 0x01C26A37u, 0x0384D46Eu, 0x0709A8DCu, 0x0E1351B8u, 0x1C26A370u, 0x384D46E0u, 0x709A8DC0u, \
            0xE1351B80u)
#define E3(i)                                                                                           \
    ENTRY(i, 0xB8BC6765u, 0xAA09C88Bu, 0x8F629757u, 0xC5B428EFu, 0x5019579Fu, 0xA032AF3Eu, 0x9B14583Du, \
            0xED59B63Bu)
#define ROW4(e, i) e(i), e((i) + 1), e((i) + 2), e((i) + 3)
#define ROW16(e, i) ROW4(e, i), ROW4(e, (i) + 4), ROW4(e, (i) + 8), ROW4(e, (i) + 12)
#define ROW64(e, i) ROW16(e, i), ROW16(e, (i) + 16), ROW16(e, (i) + 32), ROW16(e, (i) + 48)
#define TABLE(e)                                                \
    {                                                           \
        ROW64(e, 0), ROW64(e, 64), ROW64(e, 128), ROW64(e, 192) \
    }

/* table[k][b]: what byte b does to the sum when k more bytes follow. */
static const uint32_t table[4][256] = { TABLE(E0), TABLE(E1), TABLE(E2), TABLE(E3) };

uint32_t
wire_crc32_update(uint32_t running, const void *src, size_t len)
{
    const uint8_t *p = src;

    for (; len >= 4; len -= 4, p += 4) {
        running ^= (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
        running = table[3][running & 255] ^ table[2][running >> 8 & 255] ^ table[1][running >> 16 & 255] ^
                  table[0][running >> 24];
    }
    for (; len > 0; len--, p++) {
        running = table[0][(running ^ *p) & 255] ^ running >> 8;
    }
    return running;
}

uint32_t
wire_crc32(const void *src, size_t len)
{
    return ~wire_crc32_update(WIRE_CRC32_START, src, len);
}
