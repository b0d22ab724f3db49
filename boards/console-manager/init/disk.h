#ifndef APPLIANCE_DISK_H
#define APPLIANCE_DISK_H
/*
 * disk - the log disk: the ext4 whose label is belfry-log, on /log
 *
 * One. The kernel replays its journal as it mounts it. Where it can only be read, or is not there, belfry
 * goes on in memory (DISK_READ_ONLY, DISK_NONE), and the consoles say so.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISK_LABEL "belfry-log"
#define DISK_SUPERBLOCK \
    1024u /* bytes, and its place (ext4(5): Documentation/filesystems/ext4, "Super Block") */

enum disk { DISK_NONE, DISK_READ_ONLY, DISK_WELL };

struct disk_label {
    bool ours;
    bool errors;  /* found by the kernel earlier, and not seen to by e2fsck since */
    bool replays; /* it was not taken down in peace */
};

/* What a superblock says; any bytes. */
struct disk_label disk_label(const uint8_t superblock[DISK_SUPERBLOCK]);

/* Looks for it once and mounts it. */
enum disk disk_mount(void);

/* DISK_READ_ONLY when the kernel has made it so since. */
enum disk disk_look(void);

/* Writes all out and takes it down; true when it is off, or read-only at least. */
bool disk_end(void);

#endif
