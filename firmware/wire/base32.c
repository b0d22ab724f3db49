#include "wire/base32.h"

static const char alphabet[32] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

void
wire_base32(const uint8_t *src, unsigned chars, char *out)
{
    unsigned held = 0; /* bits in `acc` not yet written */
    uint32_t acc = 0;

    for (unsigned i = 0; i < chars; i++) {
        if (held < 5) {
            acc = acc << 8 | *src++;
            held += 8;
        }
        held -= 5;
        out[i] = alphabet[acc >> held & 31];
    }
}

int
wire_base32_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    for (int i = 10; i < 32; i++) {
        if (alphabet[i] == c) {
            return i;
        }
    }
    return -1;
}
