#ifndef WIRE_PAIR_H
#define WIRE_PAIR_H
/*
 * pair - the pairing secret as a code that a person reads out and types
 *
 * 26 Crockford characters (130 bits) and 2 check characters (the top 10 bits of the CRC-32 over the 26), in
 * seven groups of four: "8T2K-...". The 26 upper-case characters are the secret.
 */
#include <stddef.h>
#include <stdint.h>

#define WIRE_PAIR_CHARS 26
#define WIRE_PAIR_RANDOM 17 /* bytes of randomness that make a code: 130 bits and six unused */
#define WIRE_PAIR_TEXT 34   /* 28 characters and six dashes, no NUL */

/* Writes WIRE_PAIR_TEXT characters and a NUL. */
void wire_pair_make(const uint8_t random[WIRE_PAIR_RANDOM], char out[WIRE_PAIR_TEXT + 1]);

#define WIRE_PAIR_E_CHAR (-1)  /* a character outside the alphabet; *at says which, from 0 */
#define WIRE_PAIR_E_SIZE (-2)  /* too few or too many characters; *at is how many there were */
#define WIRE_PAIR_E_CHECK (-3) /* the check does not fit: mistyped */

/*
 * Takes what a person typed: any case, I and L for 1, O for 0, dashes and blanks anywhere. 0, or one of the
 * errors above with the secret untouched.
 */
int wire_pair_parse(const char *src, size_t len, char secret[WIRE_PAIR_CHARS], size_t *at);

#endif
