#ifndef WATCH_MOUNTS_DEVICE_H
#define WATCH_MOUNTS_DEVICE_H
/*
 * mounts_device - what the kernel knows of the block device below a mount
 *
 * Neither a device that is set writable nor an error of its file system makes an event: both are asked for.
 */
#include "watch/procfs.h"
#include <stdbool.h>
#include <stdint.h>

enum device_state { DEVICE_UNKNOWN, DEVICE_RO, DEVICE_RW };

struct mounts_device {
    enum device_state state; /* DEVICE_UNKNOWN also when there is no block device */
    uint32_t errors;         /* that ext4 has on record, 0 for other file systems */
};

/*
 * What is read of one device. The kernel lets nobody read any more when the device or its file system goes,
 * and what has its number or name then is opened anew. All zero at first.
 */
struct mounts_device_files {
    uint32_t major;
    uint32_t minor;
    struct procfs_kept state;
    struct procfs_kept errors;
};

/* Reads /sys. `ext4` asks for the errors as well. */
struct mounts_device mounts_device_read(
        struct mounts_device_files *files, uint32_t major, uint32_t minor, bool ext4);

void mounts_device_close(struct mounts_device_files *files);

#endif
