#include "courier/spool_disk.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int
folder(const void *disk)
{
    return *(const int *)disk;
}

static int
kernel_list(void *disk, spool_disk_name_fn *name, void *to)
{
    int fd = openat(folder(disk), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;

    if (d == NULL) {
        int error = -errno;

        if (fd >= 0) {
            close(fd);
        }
        return error;
    }
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        name(to, e->d_name);
    }
    closedir(d);
    return 0;
}

static int
kernel_create(void *disk, const char *name)
{
    int fd = openat(folder(disk), name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

    return fd < 0 ? -errno : fd;
}

/* O_NONBLOCK: a FIFO of that name must not hold us up. */
static int
kernel_open(void *disk, const char *name, uint64_t *size)
{
    struct stat st;
    int fd = openat(folder(disk), name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

    if (fd < 0) {
        return -errno;
    }
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return -EINVAL;
    }
    *size = (uint64_t)st.st_size;
    return fd;
}

static ssize_t
kernel_read(void *disk, int handle, void *out, size_t size, uint64_t offset)
{
    ssize_t n;

    (void)disk;
    do {
        n = pread(handle, out, size, (off_t)offset);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

static ssize_t
kernel_write(void *disk, int handle, const void *src, size_t len, uint64_t offset)
{
    ssize_t n;

    (void)disk;
    do {
        n = pwrite(handle, src, len, (off_t)offset);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

static int
kernel_sync(void *disk, int handle)
{
    (void)disk;
    return fdatasync(handle) < 0 ? -errno : 0;
}

static int
kernel_sync_names(void *disk)
{
    return fsync(folder(disk)) < 0 ? -errno : 0;
}

static int
kernel_rename(void *disk, const char *from, const char *to)
{
    return renameat(folder(disk), from, folder(disk), to) < 0 ? -errno : 0;
}

static int
kernel_remove(void *disk, const char *name)
{
    return unlinkat(folder(disk), name, 0) < 0 ? -errno : 0;
}

static void
kernel_close(void *disk, int handle)
{
    (void)disk;
    close(handle);
}

const struct spool_disk_ops spool_disk_kernel = {
    .list = kernel_list,
    .create = kernel_create,
    .open = kernel_open,
    .read = kernel_read,
    .write = kernel_write,
    .sync = kernel_sync,
    .sync_names = kernel_sync_names,
    .rename = kernel_rename,
    .remove = kernel_remove,
    .close = kernel_close,
};
