#ifndef WATCH_FS_STAT_H
#define WATCH_FS_STAT_H
/*
 * fs_stat - stat(2) with the file's flags (chattr(1)), through no link and no automount
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* Bits of a file's flags, as statx(2) numbers them. */
#define FS_FLAG_COMPRESSED 0x4u
#define FS_FLAG_IMMUTABLE 0x10u
#define FS_FLAG_APPEND 0x20u
#define FS_FLAG_NODUMP 0x40u
#define FS_FLAG_ENCRYPTED 0x800u
#define FS_FLAG_VERITY 0x100000u
#define FS_FLAG_DAX 0x200000u

/* False with errno. `name` may be "" for the descriptor itself. */
bool fs_stat(int dir_fd, const char *name, struct stat *st, uint32_t *flags);

/* What the kernel knows of it without asking a server. False as well where something is mounted over it,
 * since Linux 5.8. */
bool fs_stat_kept(int dir_fd, const char *name, struct stat *st, uint32_t *flags);

#endif
