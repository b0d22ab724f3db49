/* The system's BLAKE3 against one written from the specification, and against published answers. */
#include "reference_blake3.h"
#include "support/check.h"
#include "wire/hash.h"
#include "wire/keys.h"

static uint8_t input[70000];

/* The official test vectors' input: bytes counting up to 250. */
static void
fill(void)
{
    for (size_t i = 0; i < sizeof(input); i++) {
        input[i] = (uint8_t)(i % 251);
    }
}

static void
check_length(size_t len)
{
    static const uint8_t key[WIRE_HASH_SIZE] = "whats the Elvish word for friend";
    static const char context[] = "BLAKE3 2019-12-27 16:29:52 test vectors context";
    uint8_t got[131];
    uint8_t want[131];
    struct wire_hasher h;

    wire_hash(input, len, got);
    reference_blake3(NULL, NULL, input, len, want, WIRE_HASH_SIZE);
    CHECK_MEM(got, want, WIRE_HASH_SIZE);
    wire_hash_init(&h);
    wire_hash_update(&h, input, len / 3);
    wire_hash_update(&h, input + len / 3, len - len / 3);
    wire_hash_final(&h, got);
    CHECK_MEM(got, want, WIRE_HASH_SIZE);
    wire_hash_keyed(key, input, len, got, sizeof(got));
    reference_blake3(key, NULL, input, len, want, sizeof(want));
    CHECK_MEM(got, want, sizeof(want));
    wire_hash_derive(context, input, len, got, sizeof(got));
    reference_blake3(NULL, context, input, len, want, sizeof(want));
    CHECK_MEM(got, want, sizeof(want));
}

static void
every_length_to_5000_hashes_as_the_specification_says(void)
{
    for (size_t len = 0; len <= 5000; len++) {
        check_length(len);
    }
    for (size_t len = 5000; len <= sizeof(input); len += 777) {
        check_length(len);
    }
}

static void
published_answers_are_given(void)
{
    static const struct {
        size_t len;
        const char *hex;
    } answer[] = {
#include "vectors/blake3.inc"
    };

    for (unsigned i = 0; i < sizeof(answer) / sizeof(answer[0]); i++) {
        uint8_t out[WIRE_HASH_SIZE];
        char hex[2 * WIRE_HASH_SIZE + 1];

        wire_hash(input, answer[i].len, out);
        for (unsigned k = 0; k < WIRE_HASH_SIZE; k++) {
            snprintf(hex + (size_t)2 * k, 3, "%02x", out[k]);
        }
        CHECK_STR(hex, answer[i].hex);
    }
}

static void
one_prepared_derivation_serves_many_times(void)
{
    struct wire_hasher h;
    uint8_t got[64];
    uint8_t want[64];

    wire_hash_derive_init(&h, "some context");
    for (size_t len = 0; len < 3000; len += 97) {
        wire_hash_derive_with(&h, input, len, got, sizeof(got));
        wire_hash_derive("some context", input, len, want, sizeof(want));
        CHECK_MEM(got, want, sizeof(want));
    }
}

int
main(void)
{
    fill();
    CHECK_RUN(every_length_to_5000_hashes_as_the_specification_says);
    CHECK_RUN(published_answers_are_given);
    CHECK_RUN(one_prepared_derivation_serves_many_times);
    return check_result();
}
