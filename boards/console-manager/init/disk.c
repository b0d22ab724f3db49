#include "init/disk.h"

#include "init/say.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define FOLDER "/log"

/* Offsets in the superblock. */
enum { AT_MAGIC = 0x38, AT_STATE = 0x3A, AT_INCOMPAT = 0x60, AT_LABEL = 0x78 };
#define LABEL_SIZE 16
#define MAGIC 0xEF53
#define STATE_ERRORS 2
#define INCOMPAT_RECOVER 4

struct disk_label
disk_label(const uint8_t s[DISK_SUPERBLOCK])
{
    struct disk_label l = { 0 };

    if ((s[AT_MAGIC] | s[AT_MAGIC + 1] << 8) == MAGIC) {
        l.ours = memcmp(s + AT_LABEL, DISK_LABEL, sizeof DISK_LABEL) == 0;
        l.errors = (s[AT_STATE] & STATE_ERRORS) != 0;
        l.replays = (s[AT_INCOMPAT] & INCOMPAT_RECOVER) != 0;
    }
    return l;
}

_Static_assert(sizeof DISK_LABEL <= LABEL_SIZE, "an ext4 label holds it");

static bool
read_label(const char *device, struct disk_label *out)
{
    uint8_t superblock[DISK_SUPERBLOCK];
    int fd = open(device, O_RDONLY | O_CLOEXEC);
    bool got = fd >= 0 &&
               pread(fd, superblock, sizeof superblock, DISK_SUPERBLOCK) == (ssize_t)sizeof superblock;

    if (fd >= 0) {
        (void)close(fd);
    }
    if (got) {
        *out = disk_label(superblock);
    }
    return got && out->ours;
}

/* The first by name; another one with the label is told. */
static bool
find(char device[64], struct disk_label *label)
{
    struct dirent **entry;
    bool found = false;
    int n = scandir("/sys/class/block", &entry, NULL, alphasort);

    for (int i = 0; i < n; i++) {
        char path[64];
        struct disk_label l = { 0 };

        if (entry[i]->d_name[0] != '.' && strlen(entry[i]->d_name) < 32) {
            (void)snprintf(path, sizeof path, "/dev/%s", entry[i]->d_name);
            if (!read_label(path, &l)) {
                continue;
            }
            if (found) {
                say_alarm("%s, too, has the label " DISK_LABEL "; %s is taken", path, device);
            } else {
                found = true;
                *label = l;
                (void)snprintf(device, 64, "%s", path);
            }
        }
    }
    for (int i = 0; i < n; i++) {
        free(entry[i]);
    }
    if (n >= 0) {
        free(entry);
    }
    return found;
}

static bool
mount_as(const char *device, unsigned long more, const char *options)
{
    return mount(device, FOLDER, "ext4", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | more, options) == 0;
}

enum disk
disk_look(void)
{
    struct statvfs s;

    return statvfs(FOLDER, &s) == 0 && (s.f_flag & ST_RDONLY) == 0 ? DISK_WELL : DISK_READ_ONLY;
}

enum disk
disk_mount(void)
{
    char device[64];
    struct disk_label label = { 0 };
    int error;

    if (!find(device, &label)) {
        return DISK_NONE;
    }
    if (label.errors) {
        say_alarm("the log disk %s has had errors; have e2fsck look at it", device);
    }
    if (mount_as(device, 0, "errors=remount-ro,commit=1")) {
        if (disk_look() != DISK_WELL) {
            say_alarm("the log disk %s can only be read", device);
            return DISK_READ_ONLY;
        }
        say_well("the log disk is %s%s", device, label.replays ? ", its journal was replayed" : "");
        return DISK_WELL;
    }
    error = errno;
    if (mount_as(device, MS_RDONLY, "") || mount_as(device, MS_RDONLY, "noload")) {
        say_alarm("the log disk %s can only be read (%s)", device, strerror(error));
        return DISK_READ_ONLY;
    }
    say_alarm("the log disk %s cannot be mounted: %s", device, strerror(error));
    return DISK_NONE;
}

bool
disk_end(void)
{
    sync();
    return umount(FOLDER) == 0 || errno == EINVAL ||
           mount(NULL, FOLDER, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0;
}
