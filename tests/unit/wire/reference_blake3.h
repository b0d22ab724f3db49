#ifndef TESTS_UNIT_WIRE_REFERENCE_BLAKE3_H
#define TESTS_UNIT_WIRE_REFERENCE_BLAKE3_H
/*
 * reference_blake3 - BLAKE3 once more, written from its specification to be compared with the system's: one
 * chunk after the other, recursion over the tree, nothing fast
 */
#include <stddef.h>
#include <stdint.h>

/* Plain hash when both `key` and `context` are NULL. */
void reference_blake3(const uint8_t *key, const char *context, const uint8_t *src, size_t len, uint8_t *out,
        size_t out_len);

#endif
