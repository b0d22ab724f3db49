#include "watch/mounts_disk.h"
#include "watch/procfs.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define PIDS 131072
#define SIGHTS 512
#define ALIVE_EVERY 1000
#define LINK (4 * CONF_PATH + 32)

/* udev writes a byte that is not one of these as \xHH. */
static bool
is_plain(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("#+-.:=@_", c) != NULL);
}

static void
link_of(const char *name, char out[LINK])
{
    static const char *const kinds[][2] = { { "LABEL=", "by-label" }, { "UUID=", "by-uuid" },
        { "PARTLABEL=", "by-partlabel" }, { "PARTUUID=", "by-partuuid" } };

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        size_t len = strlen(kinds[i][0]);

        if (strncmp(name, kinds[i][0], len) != 0) {
            continue;
        }
        size_t used = (size_t)snprintf(out, LINK, "/dev/disk/%s/", kinds[i][1]);

        for (const char *c = name + len; *c != '\0'; c++) {
            used += (size_t)snprintf(out + used, LINK - used, is_plain((unsigned char)*c) ? "%c" : "\\x%02x",
                    (unsigned char)*c);
        }
        return;
    }
    snprintf(out, LINK, "%s", name);
}

static bool
number_of(const char *path, uint32_t *major_out, uint32_t *minor_out)
{
    struct stat st;

    if (stat(path, &st) != 0 || !S_ISBLK(st.st_mode)) {
        return false;
    }
    *major_out = major(st.st_rdev);
    *minor_out = minor(st.st_rdev);
    return true;
}

struct mounts_disk
mounts_disk_find(const char *name)
{
    struct mounts_disk disk = { .there = false };
    char path[LINK];

    link_of(name, path);
    disk.there = number_of(path, &disk.major, &disk.minor);
    return disk;
}

bool
mounts_disk_holds(const struct mounts_disk *disk, const struct mount_line *m)
{
    uint32_t major_number;
    uint32_t minor_number;

    if (!disk->there) {
        return false;
    }
    if (m->major != 0) {
        return m->major == disk->major && m->minor == disk->minor;
    }
    return strncmp(m->source, "/dev/", 5) == 0 && number_of(m->source, &major_number, &minor_number) &&
           major_number == disk->major && minor_number == disk->minor;
}

uint64_t
mounts_disk_space(const char *src, size_t len)
{
    static const char head[] = "mnt:[";
    const char *at = src + sizeof(head) - 1;
    uint64_t number;

    if (len < sizeof(head) || memcmp(src, head, sizeof(head) - 1) != 0 ||
            !procfs_decimal(&at, src + len, UINT64_MAX, &number) || at + 1 != src + len || *at != ']') {
        return 0;
    }
    return number;
}

static uint64_t
space_of(int proc, const char *pid)
{
    char name[48];
    char target[64];

    snprintf(name, sizeof(name), "%s/ns/mnt", pid);
    ssize_t len = readlinkat(proc, name, target, sizeof(target));
    return len > 0 ? mounts_disk_space(target, (size_t)len) : 0;
}

/* A mount that is read-only by its flag or its file system takes no writes. */
static bool
is_writable(const struct mount_line *m)
{
    return (m->options & MOUNT_RO) == 0 && (m->super_options & (MOUNT_RO | MOUNT_EMERGENCY_RO)) == 0;
}

static void
take_line(const struct mount_line *m, const struct mounts_elsewhere *who, const struct mounts_disk *disks,
        struct mounts_elsewhere *out, unsigned count)
{
    for (unsigned d = 0; d < count && is_writable(m); d++) {
        if (!out[d].found && mounts_disk_holds(&disks[d], m)) {
            out[d] = *who;
            snprintf(out[d].point, sizeof(out[d].point), "%s", m->point);
        }
    }
}

/* Line by line: others may have any number of mounts. -EMSGSIZE when not all of the text was looked at. */
static int
look_at(int proc, const struct mounts_elsewhere *who, const struct mounts_disk *disks,
        struct mounts_elsewhere *out, unsigned count)
{
    /* Memory that is never touched costs nothing. */
    static char text[MOUNTS_TEXT + 1];
    static char store[MOUNTS_TEXT + 1];
    char name[32];

    snprintf(name, sizeof(name), "%d/mountinfo", who->pid);
    ssize_t len = procfs_read(proc, name, text, sizeof(text));
    if (len < 0) {
        return len == -ENOENT || len == -ESRCH || len == -EINVAL ? 0 : (int)len;
    }
    int error = len == MOUNTS_TEXT ? -EMSGSIZE : 0;

    for (const char *at = text, *end; (end = strchr(at, '\n')) != NULL; at = end + 1) {
        struct mount_line m;
        size_t used;

        if (mounts_line_parse(at, (size_t)(end - at), store, &used, &m)) {
            take_line(&m, who, disks, out, count);
        } else {
            error = -EMSGSIZE;
        }
    }
    return error;
}

/* What mountinfo shows: of a namespace what lies below the root of the process. */
struct sight {
    uint64_t space;
    uint64_t root_inode;
    uint32_t root_major;
    uint32_t root_minor;
};

static struct sight
sight_of(int proc, const char *pid)
{
    struct sight s = { .space = space_of(proc, pid) };
    struct statx x;
    char name[48];

    snprintf(name, sizeof(name), "%s/root", pid);
    if (s.space != 0 && syscall(SYS_statx, proc, name, AT_STATX_DONT_SYNC, STATX_INO, &x) == 0) {
        s.root_inode = x.stx_ino;
        s.root_major = x.stx_dev_major;
        s.root_minor = x.stx_dev_minor;
    }
    return s;
}

/* False when it was there already. */
static bool
add_sight(struct sight sights[SIGHTS], unsigned *count, const struct sight *s)
{
    for (unsigned i = 0; i < *count; i++) {
        if (memcmp(&sights[i], s, sizeof(*s)) == 0) {
            return false;
        }
    }
    if (*count < SIGHTS) {
        sights[(*count)++] = *s;
    }
    return true;
}

int
mounts_disk_elsewhere(const struct mounts_disk *disks, struct mounts_elsewhere *out, unsigned count,
        void (*alive)(void *to), void *to)
{
    static int32_t pids[PIDS];
    static struct sight sights[SIGHTS];
    unsigned known = 0;
    int error = 0;
    int proc = procfs_open();
    ssize_t found = proc >= 0 ? procfs_pids(proc, pids, PIDS) : proc;
    uint64_t own = proc >= 0 ? space_of(proc, "self") : 0;

    memset(out, 0, count * sizeof(*out));
    for (ssize_t i = 0; i < found; i++) {
        char pid[16];

        if (alive != NULL && i % ALIVE_EVERY == 0) {
            alive(to);
        }
        snprintf(pid, sizeof(pid), "%d", pids[i]);
        struct sight s = sight_of(proc, pid);
        if (s.space != 0 && s.space != own && add_sight(sights, &known, &s)) {
            struct mounts_elsewhere who = { .found = true, .pid = pids[i], .space = s.space };
            int looked = look_at(proc, &who, disks, out, count);

            error = error == 0 ? looked : error;
        }
    }
    if (proc >= 0) {
        close(proc);
    }
    return found < 0 ? (int)found : error;
}
