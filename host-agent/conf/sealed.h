#ifndef CONF_SEALED_H
#define CONF_SEALED_H
/*
 * sealed - a configuration file that reads as noise, by a key in the state directory
 *
 * Against a quick look only: whoever reads both has the text. What it proves is that nobody without the key
 * changed the file. Four bytes that no text begins with, a nonce, the text under a keystream, and a tag over
 * all of that; both by keyed BLAKE3, with a key of its own each.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SEALED_KEY 32
#define SEALED_MORE (4 + 24 + 32) /* bytes that a sealed file has more than its text */
#define SEALED_KEY_FILE "seal"    /* in the state directory */

/* True when this begins as a sealed file does. */
bool sealed_is(const uint8_t *src, size_t len);

/* Seals `text` into `out`, which has SEALED_MORE bytes more. 0, or -errno when there is no randomness. */
int sealed_make(const uint8_t key[SEALED_KEY], const void *text, size_t len, uint8_t *out);

/* The text of a sealed file, in its place. Its length, or -EBADMSG, with all as it was, when it is not what
 * was sealed under this key. */
ssize_t sealed_open(const uint8_t key[SEALED_KEY], uint8_t *file, size_t len);

/* The key in this state directory. 0 or -errno; -EPERM when others may read it, -EBADMSG when it is none. */
int sealed_key_read(const char *state_dir, uint8_t key[SEALED_KEY]);

/* The same, and makes one where there is none. */
int sealed_key_make(const char *state_dir, uint8_t key[SEALED_KEY]);

#endif
