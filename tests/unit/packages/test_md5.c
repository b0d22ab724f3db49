#include "support/check.h"
#include "watch/md5.h"

static const char *
md5_of(const void *src, size_t len, size_t piece)
{
    static char hex[2 * MD5_SIZE + 1];
    uint8_t digest[MD5_SIZE];
    struct md5 m;

    md5_init(&m);
    for (size_t at = 0; at < len; at += piece) {
        md5_update(&m, (const char *)src + at, len - at < piece ? len - at : piece);
    }
    md5_final(&m, digest);
    for (unsigned i = 0; i < MD5_SIZE; i++) {
        snprintf(hex + (size_t)2 * i, 3, "%02x", digest[i]);
    }
    return hex;
}

static void
the_vectors_of_rfc_1321_come_out(void)
{
    static const char *const vectors[][2] = {
        { "", "d41d8cd98f00b204e9800998ecf8427e" },
        { "a", "0cc175b9c0f1b6a831c399e269772661" },
        { "abc", "900150983cd24fb0d6963f7d28e17f72" },
        { "message digest", "f96b697d7cb7938d525a2f31aaf161d0" },
        { "abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b" },
        { "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
                "d174ab98d277d9f5a5611c2c9f419d9f" },
        { "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
                "57edf4a22be3c955ac49da2e2107b67a" },
    };

    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        CHECK_STR(md5_of(vectors[i][0], strlen(vectors[i][0]), 1000), vectors[i][1]);
    }
}

static void
it_does_not_matter_in_what_pieces_bytes_come(void)
{
    static uint8_t bytes[300];
    char whole[2 * MD5_SIZE + 1];

    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i * 7);
    }
    for (size_t len = 0; len <= sizeof(bytes); len++) {
        snprintf(whole, sizeof(whole), "%s", md5_of(bytes, len, sizeof(bytes)));
        for (size_t piece = 1; piece < 130; piece += 9) {
            CHECK_STR(md5_of(bytes, len, piece), whole);
        }
    }
}

int
main(void)
{
    CHECK_RUN(the_vectors_of_rfc_1321_come_out);
    CHECK_RUN(it_does_not_matter_in_what_pieces_bytes_come);
    return check_result();
}
