#ifndef COURIER_SPOOL_DISK_H
#define COURIER_SPOOL_DISK_H
/*
 * spool_disk - what the spool asks of a file system; the kernel's, or one that a test makes fail
 *
 * A handle is a number of the disk's own, not negative. All return -errno on failure.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef void spool_disk_name_fn(void *to, const char *name);

struct spool_disk_ops {
    /* Each name in the directory. */
    int (*list)(void *disk, spool_disk_name_fn *name, void *to);
    /* A new file of this name; -EEXIST when anything has it. */
    int (*create)(void *disk, const char *name);
    /* To read. Only regular files; its size goes to *size. */
    int (*open)(void *disk, const char *name, uint64_t *size);
    ssize_t (*read)(void *disk, int handle, void *out, size_t size, uint64_t offset);
    ssize_t (*write)(void *disk, int handle, const void *src, size_t len, uint64_t offset);
    /* The file's bytes and size are on the disk. */
    int (*sync)(void *disk, int handle);
    /* So are the names. */
    int (*sync_names)(void *disk);
    int (*rename)(void *disk, const char *from, const char *to);
    int (*remove)(void *disk, const char *name);
    void (*close)(void *disk, int handle);
};

/* The kernel's: `disk` points to the descriptor of the directory. */
extern const struct spool_disk_ops spool_disk_kernel;

#endif
