#ifndef WATCH_FS_NAMES_H
#define WATCH_FS_NAMES_H
/*
 * fs_names - the names in one directory, in byte order
 *
 * As many as fit into the memory given; `more` says that others follow, which another call reads with
 * `after`.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fs_name; /* one name's place and first bytes */

struct fs_names {
    const struct fs_name *order;
    const uint8_t *text;
    size_t size; /* of the memory that is in use */
    uint32_t count;
    uint32_t next;
    bool more;
};

struct fs_names_source {
    uint8_t *dents; /* for getdents64(2) */
    size_t dents_size;
    void (*alive)(void *to); /* may be NULL */
    void *alive_to;
    const uint8_t *after; /* only names behind this one; NULL for all */
    size_t after_len;
};

/*
 * Reads the names of the directory. `memory` is aligned to 8. False when it cannot be read or not a single
 * name fits; there are then no names.
 */
bool fs_names_read(
        struct fs_names *names, const struct fs_names_source *src, int fd, uint8_t *memory, size_t size);

/* The next name, NUL-terminated; there must be one. `is_dir`: it was a directory when it was listed. */
const char *fs_names_next(struct fs_names *names, size_t *len, bool *is_dir);

#endif
