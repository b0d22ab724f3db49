#ifndef WATCH_MOUNTS_DISK_H
#define WATCH_MOUNTS_DISK_H
/*
 * mounts_disk - the disks that the configuration names, and where they are mounted, here and elsewhere
 *
 * A disk is named by its label or id, as udev links it below /dev/disk. One that is not there is no disk:
 * what can be switched off is away at times.
 */
#include "conf/conf.h"
#include "watch/mounts_info.h"

struct mounts_disk {
    bool there;
    uint32_t major;
    uint32_t minor;
};

/* A mount of a disk, in a mount namespace of others, that takes writes. */
struct mounts_elsewhere {
    bool found;
    int32_t pid; /* of a process there */
    uint64_t space;
    char point[CONF_PATH];
};

struct mounts_disk mounts_disk_find(const char *name);

/* Is this a mount of the disk? By its number, or by its source, as some file systems have a number of their
 * own. */
bool mounts_disk_holds(const struct mounts_disk *disk, const struct mount_line *m);

/*
 * Looks at each mount namespace but ours, with each root that a process there has, for disks[i] mounted
 * writable. `alive` is called in between. 0, or -errno when not all could be looked at: -EMSGSIZE when a text
 * was longer than MOUNTS_TEXT.
 */
int mounts_disk_elsewhere(const struct mounts_disk *disks, struct mounts_elsewhere *out, unsigned count,
        void (*alive)(void *to), void *to);

/* The number in the target of PID/ns/mnt, "mnt:[4026531841]"; 0 when it is none. */
uint64_t mounts_disk_space(const char *src, size_t len);

#endif
