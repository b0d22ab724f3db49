#include "watch/fs_fanotify.h"
#include "alarm/pages.h"
#include "watch/baseline.h"
#include "watch/fs_events.h"
#include "watch/fs_look.h"
#include "watch/fs_places.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

/* Newer than the libraries' headers; the numbers are kernel ABI. */
#define REPORT_PIDFD 0x00000080u
#define EVENT_RENAME 0x10000000u /* Linux 5.17: both ends in one */

#define MOVES_OLD (FAN_MOVED_FROM | FAN_MOVED_TO)
#define EVENTS (FAN_CLOSE_WRITE | FAN_ATTRIB | FAN_CREATE | FAN_DELETE | FAN_ONDIR)
#define MOVES (MOVES_OLD | EVENT_RENAME)
#define TREES (FAN_CREATE | FAN_DELETE | MOVES)
#define READ_ONCE 16384  /* bytes: some 250 events, each of which may hold a descriptor */
#define NEVER FAN_ACCESS /* is in no mark of ours */

/* What is filled as far as events happen to come and paths are long. */
static struct {
    uint8_t events[READ_ONCE] __attribute__((aligned(8)));
    char path[FS_SOURCE_PATH];
    char other[FS_SOURCE_PATH];
} room;

int
fs_fanotify_open(struct fs_fanotify *f)
{
    const unsigned flags = FAN_CLASS_NOTIF | FAN_REPORT_DFID_NAME | FAN_CLOEXEC | FAN_NONBLOCK;

    f->mounts = 0;
    f->text_used = 0;
    f->mask = EVENTS | EVENT_RENAME;
    fs_fanotify_forget(f);
    pages_touch(&room, sizeof(room));
    f->fd = fanotify_init(flags | REPORT_PIDFD, O_RDONLY | O_CLOEXEC);
    f->pidfds = f->fd >= 0;
    if (f->fd < 0 && errno == EINVAL) {
        f->fd = fanotify_init(flags, O_RDONLY | O_CLOEXEC);
    }
    return f->fd < 0 ? -errno : 0;
}

static void
close_mounts(struct fs_fanotify *f)
{
    for (unsigned i = 0; i < f->mounts; i++) {
        if (f->mount[i].fd >= 0) {
            close(f->mount[i].fd);
            f->mount[i].fd = -1;
        }
    }
}

void
fs_fanotify_close(struct fs_fanotify *f)
{
    fs_fanotify_unlist(f);
    if (f->fd >= 0) {
        close(f->fd);
    }
    f->fd = -1;
}

void
fs_fanotify_unlist(struct fs_fanotify *f)
{
    close_mounts(f);
    f->mounts = 0;
    f->text_used = 0;
    fs_fanotify_forget(f);
}

/* A directory, readable: handles cannot be opened by O_PATH. */
static int
open_dir(const uint8_t *path, size_t len)
{
    int path_fd = fs_open_dir(path, len);

    if (path_fd < 0) {
        return -1;
    }
    int fd = openat(path_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int code = errno;

    close(path_fd);
    errno = code;
    return fd;
}

/* The nearest one at or above the path that exists; *len becomes its path's. */
static int
open_nearest(const uint8_t *path, size_t *len)
{
    for (;;) {
        int fd = open_dir(path, *len);

        if (fd >= 0 || *len <= 1) {
            return fd;
        }
        do {
            (*len)--;
        } while (*len > 1 && path[*len] != '/');
    }
}

/* True when it is the mount that was listed. */
static bool
is_mount(const struct fs_fanotify_mount *m, int fd)
{
    struct statfs fs;

    return fstatfs(fd, &fs) == 0 && memcmp(m->fsid, &fs.f_fsid, 8) == 0;
}

/* The first mask that the kernel takes stays the mask. */
static int
mark(struct fs_fanotify *f, int fd)
{
    if (fanotify_mark(f->fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, f->mask, fd, NULL) == 0) {
        return 0;
    }
    if (errno == EINVAL && (f->mask & EVENT_RENAME) != 0) {
        f->mask = EVENTS | MOVES_OLD;
        return mark(f, fd);
    }
    return -errno;
}

static int
list_mount(struct fs_fanotify *f, const struct fs_fanotify_mount *m, const uint8_t *path)
{
    if (f->mounts == FS_FANOTIFY_MOUNTS || m->path_len > sizeof(f->text) - f->text_used) {
        return -ENOSPC;
    }
    struct fs_fanotify_mount *to = &f->mount[f->mounts++];

    *to = *m;
    to->path = f->text_used;
    memcpy(f->text + f->text_used, path, m->path_len);
    f->text_used += m->path_len;
    return 0;
}

static int
mark_mount(struct fs_fanotify *f, int fd, const uint8_t *path, size_t len, bool *fresh)
{
    struct fs_fanotify_mount m = { .path_len = len, .fd = -1 };
    struct fs_place_id id;
    struct statfs fs;

    if (fstatfs(fd, &fs) < 0) {
        return -errno;
    }
    memcpy(m.fsid, &fs.f_fsid, 8);
    fs_place_identify(fd, "", &id);
    m.id = id.mount;
    m.device = id.device;
    /* A mask that is not there is taken away in vain, unless there is no mark. */
    *fresh = fanotify_mark(f->fd, FAN_MARK_REMOVE | FAN_MARK_FILESYSTEM, NEVER, fd, NULL) < 0;
    int code = mark(f, fd);
    for (unsigned i = 0; code == 0 && i < f->mounts; i++) {
        if (memcmp(f->mount[i].fsid, m.fsid, 8) == 0 && f->mount[i].id == m.id) {
            return 0;
        }
    }
    return code < 0 ? code : list_mount(f, &m, path);
}

int
fs_fanotify_mark(struct fs_fanotify *f, const uint8_t *path, size_t len, bool *fresh)
{
    *fresh = false;
    int fd = open_nearest(path, &len);

    if (fd < 0) {
        return -errno;
    }
    int code = mark_mount(f, fd, path, len, fresh);
    close(fd);
    return code;
}

/* By device: an overlay has the number of the file system below it in its statfs, until Linux 6.6. */
bool
fs_fanotify_covers(const struct fs_fanotify *f, int dir_fd)
{
    struct fs_place_id id;

    if (f->fd < 0) {
        return false;
    }
    fs_place_identify(dir_fd, "", &id);
    for (unsigned i = 0; i < f->mounts; i++) {
        if (f->mount[i].device == id.device) {
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
dull_slot(struct fs_fanotify *f, const struct fs_event_place *e)
{
    uint32_t mixed = 0;

    for (uint32_t i = 0; i < e->handle_len; i++) {
        mixed = (mixed ^ e->handle[i]) * 16777619u;
    }
    return &f->dull[(mixed ^ mixed >> 15) % FS_FANOTIFY_DULL];
}

static bool
is_dull(struct fs_fanotify *f, const struct fs_event_place *e)
{
    const struct fs_dull *d = dull_slot(f, e);

    return d->len != 0 && d->len == e->handle_len && d->type == e->handle_type &&
           memcmp(d->handle, e->handle, d->len) == 0 && memcmp(d->fsid, e->fsid, sizeof(d->fsid)) == 0;
}

static void
note_dull(struct fs_fanotify *f, const struct fs_event_place *e)
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
open_directory(const struct fs_event_place *e, int mount_fd)
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

/* The full path of a place whose directory's is there already. */
static size_t
add_name(const struct fs_event_place *p, char *path, size_t len)
{
    if (p->name_len == 0 || strcmp(p->name, ".") == 0) {
        return len;
    }
    if (len == 1) {
        len = 0; /* "/" ends in the slash already */
    }
    path[len] = '/';
    memcpy(path + len + 1, p->name, p->name_len);
    return len + 1 + p->name_len;
}

/* A directory of the i-th mount when the place is in it; -1 when it is not, or the mount is gone. */
static int
mount_fd(struct fs_fanotify *f, unsigned i, const struct fs_event_place *p)
{
    struct fs_fanotify_mount *m = &f->mount[i];

    if (memcmp(m->fsid, p->fsid, 8) != 0) {
        errno = ENOENT;
        return -1;
    }
    if (m->fd < 0) {
        int fd = open_dir(f->text + m->path, m->path_len);

        if (fd >= 0 && !is_mount(m, fd)) {
            close(fd);
            fd = -1;
            errno = ENOENT;
        }
        m->fd = fd;
    }
    return m->fd;
}

/* Where the other end of a rename is, by the first mount that shows it. */
static void
name_other(struct fs_fanotify *f, const struct fs_event_place *p, struct fs_news *news)
{
    for (unsigned i = 0; i < f->mounts && p->fsid != NULL && news->other == NULL; i++) {
        int fd = mount_fd(f, i, p);
        int dir_fd = fd >= 0 ? open_directory(p, fd) : -1;
        ssize_t len = dir_fd >= 0 ? path_of(dir_fd, room.other, sizeof(room.other) - NAME_MAX - 2) : 0;

        if (dir_fd >= 0) {
            close(dir_fd);
        }
        if (len > 0) {
            news->other = (const uint8_t *)room.other;
            news->other_len = add_name(p, room.other, (size_t)len);
        }
    }
}

/* One end of an event, to be told by the way of each mount. */
struct telling {
    struct fs_fanotify *f;
    const struct fs_event_place *place;
    const struct fs_event_place *other;
    const struct fs_hear *hear;
    struct fs_news news;
};

/*
 * Looks by the path, not by the handle: another mount may hide what the handle means, and a mount that shows
 * only a part of a file system gives paths that lead elsewhere.
 */
static void
tell(struct telling *t, char *path, size_t len)
{
    struct fs_news *news = &t->news;
    int dir_fd = fs_open_dir((const uint8_t *)path, len);

    if (dir_fd < 0) {
        (void)fs_not_opened(errno, t->hear);
        return;
    }
    name_other(t->f, t->other, news);
    news->dir_fd = dir_fd;
    news->path = (const uint8_t *)path;
    news->len = add_name(t->place, path, len);
    news->name = news->len == len ? "." : t->place->name;
    t->hear->entry(t->hear->to, news);
    close(dir_fd);
}

/* Tells by the way of one mount. True when the directory matters there. */
static bool
tell_by(struct telling *t, int fd)
{
    bool cares = true;
    int dir_fd = open_directory(t->place, fd);

    if (dir_fd < 0) {
        (void)fs_not_opened(errno, t->hear);
        return true;
    }
    ssize_t len = path_of(dir_fd, room.path, sizeof(room.path) - NAME_MAX - 2);
    if (len < 0) {
        cares = tell_long(dir_fd, room.path, sizeof(room.path), t->hear);
    } else if (len > 0) {
        cares = t->hear->cares(t->hear->to, (const uint8_t *)room.path, (size_t)len);
        if (cares) {
            tell(t, room.path, (size_t)len);
        }
    }
    close(dir_fd);
    return cares;
}

static void
tell_end(struct telling *t)
{
    bool cares = false;

    if (t->place->fsid == NULL || t->place->name_len > NAME_MAX || is_dull(t->f, t->place)) {
        return;
    }
    for (unsigned i = 0; i < t->f->mounts; i++) {
        int fd = mount_fd(t->f, i, t->place);

        cares = (fd >= 0 ? tell_by(t, fd) : fs_not_opened(errno, t->hear)) || cares;
    }
    if (!cares) {
        note_dull(t->f, t->place);
    }
}

static void
handle(struct fs_fanotify *f, struct fs_fanotify_event *e, const struct fs_hear *hear)
{
    if (e->mask & FAN_Q_OVERFLOW) {
        hear->lost(hear->to, "overflow");
        return;
    }
    if (e->pid == getpid()) {
        return;
    }
    if ((e->mask & FAN_ONDIR) != 0 && (e->mask & MOVES) != 0) {
        fs_fanotify_forget(f);
    }
    if (!f->pidfds && e->pid > 0) {
        e->pidfd = (int)syscall(SYS_pidfd_open, e->pid, 0);
    }
    const struct fs_news news = {
        .pid = e->pid, .pidfd = e->pidfd, .tree = (e->mask & FAN_ONDIR) != 0 && (e->mask & TREES) != 0
    };
    struct telling ends[] = {
        { .f = f, .place = &e->from, .other = &e->at, .hear = hear, .news = news },
        { .f = f, .place = &e->at, .other = &e->from, .hear = hear, .news = news },
    };

    ends[0].news.other_key = "to";
    ends[1].news.other_key = "from";
    tell_end(&ends[0]);
    tell_end(&ends[1]);
}

void
fs_fanotify_read(struct fs_fanotify *f, const struct fs_hear *hear)
{
    struct fs_fanotify_event e = { .pidfd = -1 };
    enum fs_events_result r = FS_EVENTS_ONE;
    ssize_t n = read(f->fd, room.events, sizeof(room.events));

    if (n <= 0) {
        return;
    }
    struct fs_bytes c = { .at = room.events, .end = room.events + n };
    while (r == FS_EVENTS_ONE) {
        r = fs_fanotify_take(&c, &e);
        if (r == FS_EVENTS_ONE) {
            handle(f, &e, hear);
        }
        if (r != FS_EVENTS_END && e.pidfd >= 0) {
            close(e.pidfd);
        }
    }
    if (r == FS_EVENTS_BROKEN) {
        hear->lost(hear->to, "broken");
    }
    close_mounts(f);
}
