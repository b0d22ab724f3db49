#include "support/check.h"
#include "watch/siphash.h"

/* Of the authors' table: the key 00 01 02 ..., and so many bytes 00 01 02 ... of input. */
static void
it_digests_as_its_authors_published(void)
{
    static const uint64_t key[2] = { 0x0706050403020100u, 0x0f0e0d0c0b0a0908u };

    CHECK(siphash_words(key, key, 0) == 0x726fdb47dd0e0e31u);
    CHECK(siphash_words(key, key, 1) == 0x93f5f5799a932462u);
    CHECK(siphash_words(key, key, 2) == 0x3f2acc7f57c29bdbu);
}

int
main(void)
{
    CHECK_RUN(it_digests_as_its_authors_published);
    return check_result();
}
