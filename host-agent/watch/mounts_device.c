#include "watch/mounts_device.h"
#include "watch/procfs.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SYS_BLOCK "/sys/dev/block"
#define SYS_EXT4 "/sys/fs/ext4"
#define NAME 128
#define TARGET 512
#define PATH (NAME + TARGET)

/* The number in a file of one line. False when there is none. */
static bool
read_number(const struct procfs_kept *f, uint32_t *out)
{
    char text[32];
    ssize_t len = procfs_kept_read(f, text, sizeof(text));
    const char *at = text;
    uint64_t n;

    if (len <= 0 || !procfs_decimal(&at, text + len, UINT32_MAX, &n)) {
        return false;
    }
    *out = (uint32_t)n;
    return true;
}

/* The same of a file whose path is asked for when it cannot be read, or not any more. */
static bool
read_anew(struct procfs_kept *f, const struct mounts_device_files *files,
        bool (*path_of)(const struct mounts_device_files *files, char out[PATH]), uint32_t *out)
{
    char path[PATH];

    if (read_number(f, out)) {
        return true;
    }
    procfs_keep(f, path_of(files, path) ? open(path, O_RDONLY | O_CLOEXEC) : -1);
    return read_number(f, out);
}

static bool
state_path(const struct mounts_device_files *files, char out[PATH])
{
    snprintf(out, PATH, SYS_BLOCK "/%u:%u/ro", files->major, files->minor);
    return true;
}

/* ext4 calls its folder as the kernel calls the device: the last part of the device's link. */
static bool
errors_path(const struct mounts_device_files *files, char out[PATH])
{
    char link[NAME];
    char target[TARGET];

    snprintf(link, sizeof(link), SYS_BLOCK "/%u:%u", files->major, files->minor);
    ssize_t len = readlink(link, target, sizeof(target) - 1);
    if (len <= 0) {
        return false;
    }
    target[len] = '\0';
    snprintf(out, PATH, SYS_EXT4 "/%s/errors_count", procfs_base(target));
    return true;
}

struct mounts_device
mounts_device_read(struct mounts_device_files *files, uint32_t major, uint32_t minor, bool ext4)
{
    struct mounts_device device = { .state = DEVICE_UNKNOWN, .errors = 0 };
    uint32_t read_only;

    if (major != files->major || minor != files->minor) {
        mounts_device_close(files);
        files->major = major;
        files->minor = minor;
    }
    if (major == 0) { /* a file system without a block device */
        return device;
    }
    if (read_anew(&files->state, files, state_path, &read_only)) {
        device.state = read_only != 0 ? DEVICE_RO : DEVICE_RW;
    }
    if (ext4) {
        (void)read_anew(&files->errors, files, errors_path, &device.errors);
    }
    return device;
}

void
mounts_device_close(struct mounts_device_files *files)
{
    procfs_keep(&files->state, -1);
    procfs_keep(&files->errors, -1);
}
