#ifndef PROC_IMAGE_H
#define PROC_IMAGE_H
/*
 * image - sealed memory: the program that every role is executed from, and the configuration it runs with
 *
 * What lies in it can be changed by nobody, so a file replaced on disk changes nothing that runs.
 */
#include <stddef.h>

/* A sealed copy of the running program. A descriptor, or -errno. */
int image_of_self(void);

/* A sealed copy of `len` bytes. A descriptor, or -errno. */
int image_of(const char *name, const void *src, size_t len);

#endif
