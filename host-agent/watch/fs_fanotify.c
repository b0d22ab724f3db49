#include "watch/fs_fanotify.h"
#include "watch/baseline.h"
#include "watch/fs_events.h"
#include "watch/fs_look.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/vfs.h>
#include <unistd.h>

#define EVENTS (FAN_CLOSE_WRITE | FAN_ATTRIB | FAN_CREATE | FAN_DELETE | FAN_MOVED_FROM | FAN_MOVED_TO)
#define MOVES (FAN_CREATE | FAN_DELETE | FAN_MOVED_FROM | FAN_MOVED_TO)

int
fs_fanotify_open(struct fs_fanotify *f)
{
    f->mounts = 0;
    fs_fanotify_forget(f);
    f->fd = fanotify_init(
            FAN_CLASS_NOTIF | FAN_REPORT_DFID_NAME | FAN_CLOEXEC | FAN_NONBLOCK, O_RDONLY | O_CLOEXEC);
    return f->fd < 0 ? -errno : 0;
}

void
fs_fanotify_close(struct fs_fanotify *f)
{
    for (unsigned i = 0; i < f->mounts; i++) {
        close(f->mount[i].fd);
    }
    f->mounts = 0;
    if (f->fd >= 0) {
        close(f->fd);
    }
    f->fd = -1;
}

/* The nearest directory at or above the path that exists, readable: handles cannot be opened by O_PATH. */
static int
open_nearest(const uint8_t *path, size_t len)
{
    for (;;) {
        int path_fd = fs_open_dir(path, len);

        if (path_fd >= 0) {
            int fd = openat(path_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            int code = errno;

            close(path_fd);
            errno = code;
            return fd;
        }
        if (len <= 1) {
            return -1;
        }
        do {
            len--;
        } while (len > 1 && path[len] != '/');
    }
}

static bool
same_mount(int a, int b)
{
    int id[2] = { -1, -1 };
    const int fd[2] = { a, b };

    for (int i = 0; i < 2; i++) {
        struct {
            struct file_handle head;
            uint8_t room[FS_HANDLE_MAX];
        } h = { .head.handle_bytes = FS_HANDLE_MAX };

        if (name_to_handle_at(fd[i], "", &h.head, &id[i], AT_EMPTY_PATH) < 0) {
            return false;
        }
    }
    return id[0] == id[1];
}

int
fs_fanotify_mark(struct fs_fanotify *f, const uint8_t *path, size_t len)
{
    struct statfs fs;
    int fd = open_nearest(path, len);

    if (fd < 0 || fstatfs(fd, &fs) < 0) {
        int code = -errno;

        if (fd >= 0) {
            close(fd);
        }
        return code;
    }
    for (unsigned i = 0; i < f->mounts; i++) {
        if (memcmp(f->mount[i].fsid, &fs.f_fsid, 8) == 0 && same_mount(f->mount[i].fd, fd)) {
            close(fd);
            return 0;
        }
    }
    int code = f->mounts == FS_FANOTIFY_MOUNTS ? -ENOSPC : 0;
    if (code == 0 &&
            fanotify_mark(f->fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, EVENTS | FAN_ONDIR, fd, NULL) < 0) {
        code = -errno;
    }
    if (code < 0) {
        close(fd);
        return code;
    }
    f->mount[f->mounts].fd = fd;
    memcpy(f->mount[f->mounts].fsid, &fs.f_fsid, 8);
    f->mounts++;
    return 0;
}

bool
fs_fanotify_covers(const struct fs_fanotify *f, int dir_fd)
{
    struct statfs fs;

    if (f->fd < 0 || fstatfs(dir_fd, &fs) < 0) {
        return false;
    }
    for (unsigned i = 0; i < f->mounts; i++) {
        if (memcmp(f->mount[i].fsid, &fs.f_fsid, 8) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- directories in which nothing matters: a busy file system should not cost a path an event ---- */

void
fs_fanotify_forget(struct fs_fanotify *f)
{
    memset(f->dull, 0, sizeof(f->dull));
}

static struct fs_dull *
dull_slot(struct fs_fanotify *f, const struct fs_fanotify_event *e)
{
    uint32_t mixed = 0;

    for (uint32_t i = 0; i < e->handle_len; i++) {
        mixed = (mixed ^ e->handle[i]) * 16777619u;
    }
    return &f->dull[(mixed ^ mixed >> 15) % FS_FANOTIFY_DULL];
}

static bool
is_dull(struct fs_fanotify *f, const struct fs_fanotify_event *e)
{
    const struct fs_dull *d = dull_slot(f, e);

    return d->len != 0 && d->len == e->handle_len && d->type == e->handle_type &&
           memcmp(d->handle, e->handle, d->len) == 0 && memcmp(d->fsid, e->fsid, sizeof(d->fsid)) == 0;
}

static void
note_dull(struct fs_fanotify *f, const struct fs_fanotify_event *e)
{
    struct fs_dull *d = dull_slot(f, e);

    if (e->handle_len <= sizeof(d->handle)) {
        memcpy(d->fsid, e->fsid, sizeof(d->fsid));
        memcpy(d->handle, e->handle, e->handle_len);
        d->len = (uint8_t)e->handle_len;
        d->type = e->handle_type;
    }
}

static int
open_directory(const struct fs_fanotify_event *e, int mount_fd)
{
    struct {
        struct file_handle head;
        uint8_t room[FS_HANDLE_MAX];
    } h;

    h.head.handle_bytes = e->handle_len;
    h.head.handle_type = e->handle_type;
    memcpy(h.head.f_handle, e->handle, e->handle_len);
    return open_by_handle_at(mount_fd, &h.head, O_PATH | O_CLOEXEC);
}

/* The directory's path as it is now. 0 when it has none (removed, or not in this mount), -1 when too long. */
static ssize_t
path_of(int fd, char *path, size_t size)
{
    static const char gone[] = " (deleted)";
    char link[32];
    struct stat st;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, size);
    if (n < 0) {
        return errno == ENAMETOOLONG ? -1 : 0;
    }
    if ((size_t)n == size) {
        return -1;
    }
    size_t tail = sizeof(gone) - 1;
    if ((size_t)n > tail && memcmp(path + n - tail, gone, tail) == 0 &&
            (fstat(fd, &st) < 0 || st.st_nlink == 0)) {
        return 0;
    }
    return path[0] == '/' ? n : 0;
}

/*
 * A path longer than the kernel tells. What is above it decides whether it matters: else anyone could keep us
 * busy from a deep directory of their own. One that was removed on the way up has no path, as a short one has
 * none then: the event of its parent tells.
 */
static bool
tell_long(int dir_fd, char *path, size_t size, const struct fs_hear *hear)
{
    ssize_t len = -1;
    int fd = dup(dir_fd);

    for (int steps = 0; fd >= 0 && len < 0 && steps < BASELINE_PATH_MAX; steps++) {
        int up = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

        close(fd);
        fd = up;
        len = fd >= 0 ? path_of(fd, path, size) : 0;
    }
    if (fd >= 0) {
        close(fd);
        if (len == 0) {
            return true;
        }
    }
    if (len > 0 && !hear->cares(hear->to, (const uint8_t *)path, (size_t)len)) {
        return false;
    }
    hear->lost(hear->to, "long-path");
    return true;
}

static void
tell(const struct fs_fanotify_event *e, int dir_fd, char *path, size_t len, const struct fs_hear *hear)
{
    bool tree = (e->mask & FAN_ONDIR) != 0 && (e->mask & MOVES) != 0;

    if (e->name_len == 0 || strcmp(e->name, ".") == 0) {
        hear->entry(hear->to, dir_fd, ".", (const uint8_t *)path, len, tree, 0);
        return;
    }
    if (len == 1) {
        len = 0; /* "/" ends in the slash already */
    }
    path[len] = '/';
    memcpy(path + len + 1, e->name, e->name_len);
    hear->entry(hear->to, dir_fd, e->name, (const uint8_t *)path, len + 1 + e->name_len, tree, 0);
}

/* Tells an event by the way of one mount. True when the directory matters there. */
static bool
tell_by(const struct fs_fanotify_event *e, int mount_fd, const struct fs_hear *hear)
{
    static char path[FS_SOURCE_PATH];
    bool cares = true;
    int dir_fd = open_directory(e, mount_fd);

    if (dir_fd < 0) {
        return true; /* the directory is gone; its parent's event tells */
    }
    ssize_t len = path_of(dir_fd, path, sizeof(path) - NAME_MAX - 2);
    if (len < 0) {
        cares = tell_long(dir_fd, path, sizeof(path), hear);
    } else if (len > 0) {
        cares = hear->cares(hear->to, (const uint8_t *)path, (size_t)len);
        if (cares) {
            tell(e, dir_fd, path, (size_t)len, hear);
        }
    }
    close(dir_fd);
    return cares;
}

static void
handle(struct fs_fanotify *f, const struct fs_fanotify_event *e, const struct fs_hear *hear)
{
    bool cares = false;

    if (e->mask & FAN_Q_OVERFLOW) {
        hear->lost(hear->to, "overflow");
        return;
    }
    if (e->fsid == NULL || e->name_len > NAME_MAX || e->pid == getpid()) {
        return;
    }
    if ((e->mask & FAN_ONDIR) != 0 && (e->mask & (FAN_MOVED_FROM | FAN_MOVED_TO)) != 0) {
        fs_fanotify_forget(f);
    }
    if (is_dull(f, e)) {
        return;
    }
    for (unsigned i = 0; i < f->mounts; i++) {
        if (memcmp(f->mount[i].fsid, e->fsid, 8) == 0) {
            cares = tell_by(e, f->mount[i].fd, hear) || cares;
        }
    }
    if (!cares) {
        note_dull(f, e);
    }
}

void
fs_fanotify_read(struct fs_fanotify *f, const struct fs_hear *hear)
{
    static uint8_t buffer[FS_EVENTS_BUFFER] __attribute__((aligned(8)));
    struct fs_fanotify_event e;
    ssize_t n = read(f->fd, buffer, sizeof(buffer));

    if (n <= 0) {
        return;
    }
    struct fs_bytes c = { .at = buffer, .end = buffer + n };
    for (;;) {
        enum fs_events_result r = fs_fanotify_take(&c, &e);

        if (r == FS_EVENTS_ONE) {
            handle(f, &e, hear);
            continue;
        }
        if (r == FS_EVENTS_BROKEN) {
            hear->lost(hear->to, "broken");
        }
        return;
    }
}
