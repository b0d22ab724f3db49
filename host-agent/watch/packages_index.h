#ifndef WATCH_PACKAGES_INDEX_H
#define WATCH_PACKAGES_INDEX_H
/*
 * packages_index - all paths that dpkg's records know, to be looked up
 *
 * Some 48 bytes a path, mapped for as long as it is used. Paths are known by the first 128 bits of their
 * BLAKE3.
 */
#include "watch/packages.h"

struct packages_slot {
    uint8_t key[16];
    uint8_t md5[MD5_SIZE];
    uint32_t package; /* number + 1; 0 for a free slot */
    bool listed;
    bool summed;   /* md5 is that of the file as the package brought it */
    bool conffile; /* and it is a configuration file */
};

struct packages_owner {
    char name[PACKAGE_NAME];
    char version[PACKAGE_NAME];
};

struct packages_index {
    struct packages_slot *slot;
    size_t slots; /* a power of two */
    size_t used;
    struct packages_owner *owner; /* by number */
    size_t owners;
    int error;
};

/* Reads the records below `root` (packages_scan()). 0 or -errno. */
int packages_index_build(struct packages_index *ix, const char *root);

/* What is known of a path; NULL when no package has it. */
const struct packages_slot *packages_index_find(
        const struct packages_index *ix, const void *path, size_t len);

const struct packages_owner *packages_index_owner(
        const struct packages_index *ix, const struct packages_slot *slot);

#endif
