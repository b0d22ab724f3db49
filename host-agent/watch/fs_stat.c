#include "watch/fs_stat.h"
#include <fcntl.h>
#include <linux/stat.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define FLAGS                                                                                       \
    (FS_FLAG_COMPRESSED | FS_FLAG_IMMUTABLE | FS_FLAG_APPEND | FS_FLAG_NODUMP | FS_FLAG_ENCRYPTED | \
            FS_FLAG_VERITY | FS_FLAG_DAX)

static struct timespec
time_of(const struct statx_timestamp *t)
{
    return (struct timespec){ .tv_sec = (time_t)t->tv_sec, .tv_nsec = (long)t->tv_nsec };
}

static bool
look(int dir_fd, const char *name, int how, uint64_t unwanted, struct stat *st, uint32_t *flags)
{
    struct statx x;

    how |= AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | (name[0] == '\0' ? AT_EMPTY_PATH : 0);
    if (syscall(SYS_statx, dir_fd, name, how, STATX_BASIC_STATS, &x) < 0 ||
            (x.stx_attributes & unwanted) != 0) {
        return false;
    }
    memset(st, 0, sizeof(*st));
    st->st_dev = makedev(x.stx_dev_major, x.stx_dev_minor);
    st->st_rdev = makedev(x.stx_rdev_major, x.stx_rdev_minor);
    st->st_ino = (ino_t)x.stx_ino;
    st->st_mode = x.stx_mode;
    st->st_nlink = x.stx_nlink;
    st->st_uid = x.stx_uid;
    st->st_gid = x.stx_gid;
    st->st_size = (off_t)x.stx_size;
    st->st_mtim = time_of(&x.stx_mtime);
    st->st_ctim = time_of(&x.stx_ctime);
    *flags = (uint32_t)(x.stx_attributes & x.stx_attributes_mask & FLAGS);
    return true;
}

bool
fs_stat(int dir_fd, const char *name, struct stat *st, uint32_t *flags)
{
    return look(dir_fd, name, 0, 0, st, flags);
}

bool
fs_stat_kept(int dir_fd, const char *name, struct stat *st, uint32_t *flags)
{
    return look(dir_fd, name, AT_STATX_DONT_SYNC, STATX_ATTR_MOUNT_ROOT, st, flags);
}
