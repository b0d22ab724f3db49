#include "watch/mounts_device.h"
#include "watch/procfs.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SYS_BLOCK "/sys/dev/block"
#define SYS_EXT4 "/sys/fs/ext4"
#define NAME 128

/* The number in a file of one line; `otherwise` when there is none. */
static uint32_t
read_number(const char *path, uint32_t otherwise)
{
    char text[32];
    ssize_t len = procfs_read(AT_FDCWD, path, text, sizeof(text));
    const char *at = text;
    uint64_t n;

    return len > 0 && procfs_decimal(&at, text + len, UINT32_MAX, &n) ? (uint32_t)n : otherwise;
}

static enum device_state
read_state(uint32_t major, uint32_t minor)
{
    char path[NAME];

    snprintf(path, sizeof(path), SYS_BLOCK "/%u:%u/ro", major, minor);
    switch (read_number(path, UINT32_MAX)) {
    case 0:
        return DEVICE_RW;
    case 1:
        return DEVICE_RO;
    default:
        return DEVICE_UNKNOWN;
    }
}

/* ext4 calls its folder as the kernel calls the device: the last part of the device's link. */
static uint32_t
read_errors(uint32_t major, uint32_t minor)
{
    char link[NAME];
    char target[512];
    char path[NAME + sizeof(target)];

    snprintf(link, sizeof(link), SYS_BLOCK "/%u:%u", major, minor);
    ssize_t len = readlink(link, target, sizeof(target) - 1);
    if (len <= 0) {
        return 0;
    }
    target[len] = '\0';
    snprintf(path, sizeof(path), SYS_EXT4 "/%s/errors_count", procfs_base(target));
    return read_number(path, 0);
}

struct mounts_device
mounts_device_read(uint32_t major, uint32_t minor, bool ext4)
{
    struct mounts_device device = { .state = DEVICE_UNKNOWN, .errors = 0 };

    if (major != 0) { /* 0 stands for file systems without a block device */
        device.state = read_state(major, minor);
        device.errors = ext4 ? read_errors(major, minor) : 0;
    }
    return device;
}
