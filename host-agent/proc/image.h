#ifndef PROC_IMAGE_H
#define PROC_IMAGE_H
/*
 * image - sealed memory: the program that every role is executed from, and the configuration it runs with
 *
 * What lies in it can be changed by nobody, so a file replaced on disk changes nothing that runs.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Makes what the linker relocated constant from here on (RELRO). First in main(): glibc has done so by then,
 * the start code of musl's static-pie does not.
 */
void image_protect(void);

/* A sealed copy of the running program. A descriptor, or -errno. */
int image_of_self(void);

/* A sealed copy of `len` bytes. A descriptor, or -errno. */
int image_of(const char *name, const void *src, size_t len);

/* True when nobody can change what image_of() put there. */
bool image_is_sealed(int fd);

/* Maps what image_of() made, to be read. NULL when that cannot be. */
const void *image_map(int fd, size_t len);

#define IMAGE_REST_MS 60000

/*
 * Gives back the pages of the running program that nobody may write: start-up and what is seldom done stay
 * mapped otherwise, in every role. They come back by themselves when they are needed. Does so once in
 * IMAGE_REST_MS, the first time a second after the start; *rested_ms is 0 at first, when it sees to it that
 * few come back beside those that are needed. True when it gave them back.
 */
bool image_rest(int64_t *rested_ms, int64_t now_ms);

#endif
