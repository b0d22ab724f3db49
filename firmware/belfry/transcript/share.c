#include "belfry/transcript/share.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define MODE_SHARED 02750 /* set-group-ID: what is made in it gets its group, inode(7) */
#define MODE_OWN 0700
#define FILE_SHARED 0640
#define FILE_OWN 0600

static bool
is_shared(int dir)
{
    struct stat st;

    return fstat(dir, &st) == 0 && (st.st_mode & S_IRGRP) != 0;
}

int
share_create(int dir, const char *file, int flags)
{
    int fd = openat(dir, file, O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, FILE_OWN);

    /* Not by the mode above: the umask takes the group's bits away. */
    if (fd >= 0 && is_shared(dir)) {
        (void)fchmod(fd, FILE_SHARED);
    }
    return fd;
}

/* Each file that is there, by a descriptor of its own: a name may be a link to anything. */
static int
change_files(int dir, gid_t group, mode_t mode)
{
    int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = copy < 0 ? NULL : fdopendir(copy);
    const struct dirent *e;
    int error = d != NULL ? 0 : -errno;

    while (d != NULL && (e = readdir(d)) != NULL) {
        int fd = openat(dir, e->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
            (void)(fd >= 0 ? close(fd) : 0);
            continue;
        }
        if ((group != (gid_t)-1 && fchown(fd, (uid_t)-1, group) != 0) || fchmod(fd, mode) != 0) {
            error = -errno;
        }
        (void)close(fd);
    }
    if (d != NULL) {
        (void)closedir(d);
    } else if (copy >= 0) {
        (void)close(copy);
    }
    return error;
}

int
share_with(int dir, gid_t group)
{
    if (fchown(dir, (uid_t)-1, group) != 0 || fchmod(dir, MODE_SHARED) != 0) {
        return -errno;
    }
    return change_files(dir, group, FILE_SHARED);
}

int
share_with_nobody(int dir)
{
    if (!is_shared(dir)) {
        return 0;
    }
    return fchmod(dir, MODE_OWN) != 0 ? -errno : change_files(dir, (gid_t)-1, FILE_OWN);
}
