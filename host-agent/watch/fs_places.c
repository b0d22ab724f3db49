#include "watch/fs_places.h"
#include "watch/fs_look.h"
#include "watch/mounts_info.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/stat.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MOUNT_ID 0x1000u        /* Linux 5.8 */
#define MOUNT_ID_UNIQUE 0x4000u /* Linux 6.8: no number is used again */
#define LINES 16384             /* bytes of mountinfo at once; a line that is longer is left out */

void
fs_place_identify(int dir_fd, const char *name, struct fs_place_id *out)
{
    struct statx x;
    const int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_DONT_SYNC;

    *out = (struct fs_place_id){ .mount = 0 };
    if (syscall(SYS_statx, dir_fd, name, flags, STATX_INO | MOUNT_ID | MOUNT_ID_UNIQUE, &x) == 0) {
        out->mount = (x.stx_mask & (MOUNT_ID | MOUNT_ID_UNIQUE)) != 0 ? x.stx_mnt_id : 0;
        out->device = (uint64_t)x.stx_dev_major << 32 | x.stx_dev_minor;
        out->inode = x.stx_ino;
    }
}

int
fs_places_parent(const uint8_t *path, size_t len, char name[], size_t size)
{
    size_t at = len;

    while (at > 0 && path[at - 1] != '/') {
        at--;
    }
    if (len - at >= size) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(name, path + at, len - at);
    name[len - at] = '\0';
    if (at == len) {
        memcpy(name, ".", 2);
    }
    return fs_open_dir(path, at > 1 ? at - 1 : 1);
}

const uint8_t *
fs_places_path(const struct fs_places *p, const struct fs_place *place)
{
    return p->text + place->path;
}

static const struct fs_place *
find(const struct fs_places *p, const uint8_t *path, size_t len)
{
    for (unsigned i = 0; i < p->count; i++) {
        if (p->place[i].len == len && memcmp(p->text + p->place[i].path, path, len) == 0) {
            return &p->place[i];
        }
    }
    return NULL;
}

static void
add(struct fs_places *p, const uint8_t *path, size_t len)
{
    char name[NAME_MAX + 1];

    if (find(p, path, len) != NULL) {
        return;
    }
    if (p->count == FS_PLACES || len > sizeof(p->text) - p->used) {
        p->cut = true;
        return;
    }
    struct fs_place *place = &p->place[p->count++];

    *place = (struct fs_place){ .path = p->used, .len = len };
    memcpy(p->text + p->used, path, len);
    p->used += len;
    int dir_fd = fs_places_parent(path, len, name, sizeof(name));
    if (dir_fd >= 0) {
        fs_place_identify(dir_fd, name, &place->id);
        close(dir_fd);
    }
}

static bool
is_remote(const char *type)
{
    static const char *const types[] = { "nfs", "nfs4", "cifs", "smb3", "ceph", "afs", "9p", "autofs" };

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(type, types[i]) == 0) {
            return true;
        }
    }
    return strncmp(type, "fuse", 4) == 0;
}

static void
take_line(struct fs_places *p, const struct fs_roots *roots, const char *line, size_t len)
{
    static char store[LINES];
    struct mount_line m;
    size_t used;

    if (mounts_line_parse(line, len, store, &used, &m) && !is_remote(m.type) &&
            fs_roots_care(roots, (const uint8_t *)m.point, strlen(m.point))) {
        add(p, (const uint8_t *)m.point, strlen(m.point));
    }
}

static void
take_mounts(struct fs_places *p, const struct fs_roots *roots, int mountinfo)
{
    static char text[LINES];
    size_t have = 0;
    bool skipping = false;
    ssize_t n;

    for (off_t at = 0; (n = pread(mountinfo, text + have, sizeof(text) - have, at)) > 0; at += n) {
        const char *line = text, *end = text + have + n, *newline;

        while ((newline = memchr(line, '\n', (size_t)(end - line))) != NULL) {
            if (!skipping) {
                take_line(p, roots, line, (size_t)(newline - line));
            }
            skipping = false;
            line = newline + 1;
        }
        have = (size_t)(end - line);
        memmove(text, line, have);
        if (have == sizeof(text)) {
            p->cut = skipping = true;
            have = 0;
        }
    }
}

void
fs_places_list(struct fs_places *p, const struct fs_roots *roots, int mountinfo)
{
    p->count = 0;
    p->used = 0;
    p->cut = false;
    for (unsigned i = 0; i < roots->count; i++) {
        add(p, roots->root[i].path, roots->root[i].len);
    }
    if (mountinfo >= 0) {
        take_mounts(p, roots, mountinfo);
    }
}

void
fs_places_compare(struct fs_places *now, struct fs_places *before)
{
    for (unsigned i = 0; i < now->count; i++) {
        struct fs_place *place = &now->place[i];
        const struct fs_place *was = find(before, fs_places_path(now, place), place->len);

        place->look = was == NULL || memcmp(&was->id, &place->id, sizeof(place->id)) != 0;
    }
    for (unsigned i = 0; i < before->count; i++) {
        struct fs_place *place = &before->place[i];

        place->look = find(now, fs_places_path(before, place), place->len) == NULL;
    }
}
