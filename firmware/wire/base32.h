#ifndef WIRE_BASE32_H
#define WIRE_BASE32_H
/*
 * base32 - Crockford's alphabet (no I, L, O, U): what a person can type from paper
 *
 * Five bits a character, most significant bit first.
 */
#include <stdint.h>

/* Writes the first `chars` x 5 bits of `src` as characters. No terminating NUL. */
void wire_base32(const uint8_t *src, unsigned chars, char *out);

/* 0-31, or -1 for a byte outside the (upper case) alphabet. */
int wire_base32_value(char c);

#endif
