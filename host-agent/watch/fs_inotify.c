#include "watch/fs_inotify.h"
#include "watch/fs_events.h"
#include "watch/fs_look.h"
#include "watch/fs_walk.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <unistd.h>

#define MASK                                                                                             \
    (IN_CLOSE_WRITE | IN_ATTRIB | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | \
            IN_MOVE_SELF | IN_ONLYDIR)
#define MOVES (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO)
#define TABLE ((size_t)FS_INOTIFY_DIRS * 2)
#define DIRS_SIZE (FS_INOTIFY_DIRS * sizeof(struct fs_inotify_dir))
#define TABLE_SIZE (TABLE * sizeof(uint32_t))
#define NONE 0u /* dir[0] is never used, so that zeroed memory means "none" */
#define ROOT 1u

struct fs_inotify_dir {
    int32_t wd; /* 0: not watched, only a part of the way to one that is */
    uint32_t parent;
    uint32_t children;
    bool in_use;
    uint8_t name_len;
    char name[NAME_MAX];
};

int
fs_inotify_open(struct fs_inotify *in)
{
    uint8_t *map = mmap(NULL, DIRS_SIZE + TABLE_SIZE, PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    in->fd = -1;
    if (map == MAP_FAILED) {
        return -errno;
    }
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd < 0) {
        int code = -errno;

        munmap(map, DIRS_SIZE + TABLE_SIZE);
        return code;
    }
    memset(in, 0, sizeof(*in));
    in->fd = fd;
    in->dir = (struct fs_inotify_dir *)(void *)map;
    in->table = (uint32_t *)(void *)(map + DIRS_SIZE);
    in->dir[ROOT].in_use = true;
    in->used = ROOT + 1;
    return 0;
}

void
fs_inotify_close(struct fs_inotify *in)
{
    if (in->fd >= 0) {
        close(in->fd);
        munmap(in->dir, DIRS_SIZE + TABLE_SIZE);
    }
    in->fd = -1;
}

/* ---- watch descriptor -> directory ---- */

static size_t
table_start(int32_t wd)
{
    uint32_t mixed = (uint32_t)wd * 2654435761u;

    return mixed % TABLE;
}

static uint32_t
table_find(const struct fs_inotify *in, int32_t wd)
{
    for (size_t at = table_start(wd); in->table[at] != NONE; at = (at + 1) % TABLE) {
        if (in->dir[in->table[at]].wd == wd) {
            return in->table[at];
        }
    }
    return NONE;
}

static void
table_put(struct fs_inotify *in, uint32_t slot)
{
    size_t at = table_start(in->dir[slot].wd);

    while (in->table[at] != NONE) {
        at = (at + 1) % TABLE;
    }
    in->table[at] = slot;
}

/* Takes an entry out and puts those that follow it in their places again, so that no search ends too early.
 */
static void
table_drop(struct fs_inotify *in, int32_t wd)
{
    size_t at = table_start(wd);

    while (in->table[at] != NONE && in->dir[in->table[at]].wd != wd) {
        at = (at + 1) % TABLE;
    }
    if (in->table[at] == NONE) {
        return;
    }
    in->table[at] = NONE;
    for (at = (at + 1) % TABLE; in->table[at] != NONE; at = (at + 1) % TABLE) {
        uint32_t slot = in->table[at];

        in->table[at] = NONE;
        table_put(in, slot);
    }
}

/* ---- directories ---- */

static uint32_t
dir_find(const struct fs_inotify *in, uint32_t parent, const uint8_t *name, size_t len)
{
    for (uint32_t i = ROOT + 1; i < in->used; i++) {
        const struct fs_inotify_dir *d = &in->dir[i];

        if (d->in_use && d->parent == parent && d->name_len == len && memcmp(d->name, name, len) == 0) {
            return i;
        }
    }
    return NONE;
}

static void
dir_place(struct fs_inotify *in, uint32_t slot, uint32_t parent, const uint8_t *name, size_t len)
{
    struct fs_inotify_dir *d = &in->dir[slot];

    if (slot == ROOT) {
        return;
    }
    if (d->in_use) {
        in->dir[d->parent].children--;
    }
    d->in_use = true;
    d->parent = parent;
    d->name_len = (uint8_t)len;
    memcpy(d->name, name, len);
    in->dir[parent].children++;
}

static uint32_t
dir_new(struct fs_inotify *in, uint32_t parent, const uint8_t *name, size_t len)
{
    uint32_t slot = in->free;

    if (slot != NONE) {
        in->free = in->dir[slot].parent;
    } else if (in->used < FS_INOTIFY_DIRS) {
        slot = in->used++;
    } else {
        return NONE;
    }
    in->dir[slot] = (struct fs_inotify_dir){ .wd = 0 };
    dir_place(in, slot, parent, name, len);
    return slot;
}

static bool
dir_is_below(const struct fs_inotify *in, uint32_t slot, uint32_t top)
{
    while (slot != NONE && slot != top) {
        slot = in->dir[slot].parent;
    }
    return slot == top;
}

static void
dir_free_one(struct fs_inotify *in, uint32_t slot)
{
    struct fs_inotify_dir *d = &in->dir[slot];

    if (d->wd > 0) {
        inotify_rm_watch(in->fd, d->wd);
        table_drop(in, d->wd);
        in->watched--;
    }
    in->dir[d->parent].children--;
    d->in_use = false;
    d->wd = 0;
    d->parent = in->free;
    in->free = slot;
}

/* Forgets a directory and all below it: whoever is left would take its path from whoever comes next. */
static void
dir_free(struct fs_inotify *in, uint32_t top)
{
    if (top == NONE || top == ROOT) {
        return;
    }
    while (in->dir[top].children > 0) {
        for (uint32_t i = ROOT + 1; i < in->used; i++) {
            if (i != top && in->dir[i].in_use && in->dir[i].children == 0 && dir_is_below(in, i, top)) {
                dir_free_one(in, i);
            }
        }
    }
    dir_free_one(in, top);
}

/* The directory of a path, made up to it where it is not known yet. */
static uint32_t
dir_of_path(struct fs_inotify *in, const uint8_t *path, size_t len)
{
    uint32_t slot = ROOT;

    for (size_t at = 1; at < len && slot != NONE;) {
        const uint8_t *slash = memchr(path + at, '/', len - at);
        size_t n = slash != NULL ? (size_t)(slash - (path + at)) : len - at;
        uint32_t next = n <= NAME_MAX ? dir_find(in, slot, path + at, n) : NONE;

        if (next == NONE && n <= NAME_MAX) {
            next = dir_new(in, slot, path + at, n);
        }
        slot = next;
        at += n + 1;
    }
    return slot;
}

static size_t
name_start(const uint8_t *path, size_t len)
{
    while (len > 1 && path[len - 1] != '/') {
        len--;
    }
    return len;
}

/* The slot for a directory that has no watch yet. */
static uint32_t
dir_for_watch(struct fs_inotify *in, uint32_t parent, bool by_path, const uint8_t *name, size_t len)
{
    if (len == 0) {
        return ROOT;
    }
    if (by_path) {
        /* Tops of walks may be on the way to one another. */
        uint32_t slot = dir_find(in, parent, name, len);

        if (slot != NONE && in->dir[slot].wd == 0) {
            return slot;
        }
    }
    return dir_new(in, parent, name, len);
}

uint32_t
fs_inotify_enter(struct fs_inotify *in, uint32_t parent, int dir_fd, const uint8_t *path, size_t len)
{
    char link[32];
    size_t at = name_start(path, len);
    bool by_path = parent == FS_NO_COOKIE;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", dir_fd);
    int wd = inotify_add_watch(in->fd, link, MASK);
    if (wd <= 0) {
        in->refused++;
        return FS_NO_COOKIE;
    }
    if (by_path) {
        parent = dir_of_path(in, path, at > 1 ? at - 1 : 1);
    }
    uint32_t slot = table_find(in, wd);
    if (slot != NONE) {
        /* Where the same directory is mounted into itself it keeps its first place: paths must end. */
        if (parent != NONE && !dir_is_below(in, parent, slot)) {
            dir_place(in, slot, parent, path + at, len - at);
        }
        return slot;
    }
    slot = parent != NONE ? dir_for_watch(in, parent, by_path, path + at, len - at) : NONE;
    if (slot == NONE) {
        in->refused++;
        inotify_rm_watch(in->fd, wd);
        return FS_NO_COOKIE;
    }
    in->dir[slot].wd = wd;
    table_put(in, slot);
    in->watched++;
    return slot;
}

/* ---- events ---- */

/* Writes the path at the end of in->path, backwards. NULL when it does not fit. */
static const uint8_t *
path_of(struct fs_inotify *in, uint32_t slot, size_t *len)
{
    size_t at = sizeof(in->path) - NAME_MAX - 2, end = at;

    for (; slot != ROOT; slot = in->dir[slot].parent) {
        const struct fs_inotify_dir *d = &in->dir[slot];

        if (at < d->name_len + 1u) {
            return NULL;
        }
        at -= d->name_len;
        memcpy(in->path + at, d->name, d->name_len);
        in->path[--at] = '/';
    }
    if (at == end) {
        in->path[--at] = '/';
    }
    *len = end - at;
    return in->path + at;
}

static void
tell(struct fs_inotify *in, const struct fs_inotify_event *e, uint32_t slot, const struct fs_hear *hear)
{
    size_t len;
    bool tree = (e->mask & IN_ISDIR) != 0 && (e->mask & MOVES) != 0;
    const uint8_t *path = path_of(in, slot, &len);

    if (path == NULL) {
        hear->lost(hear->to, "long-path");
        return;
    }
    int dir_fd = fs_open_dir(path, len);
    if (dir_fd < 0) {
        (void)fs_not_opened(errno, hear);
        return;
    }
    struct fs_news news = {
        .dir_fd = dir_fd, .name = ".", .path = path, .len = len, .tree = tree, .cookie = slot, .pidfd = -1
    };
    if (e->name_len > 0) {
        uint8_t *end = in->path + sizeof(in->path) - NAME_MAX - 2;

        if (len > 1) {
            *end++ = '/';
        }
        memcpy(end, e->name, e->name_len);
        news.name = e->name;
        news.len = (size_t)(end - path) + e->name_len;
    }
    hear->entry(hear->to, &news);
    close(dir_fd);
}

static void
handle(struct fs_inotify *in, const struct fs_inotify_event *e, const struct fs_hear *hear)
{
    if (e->mask & IN_Q_OVERFLOW) {
        hear->lost(hear->to, "overflow");
        return;
    }
    uint32_t slot = table_find(in, e->wd);
    if (slot == NONE || e->name_len > NAME_MAX) {
        return;
    }
    if (e->mask & (IN_IGNORED | IN_UNMOUNT)) {
        dir_free(in, slot);
        return;
    }
    if ((e->mask & IN_ISDIR) != 0 && (e->mask & (IN_MOVED_FROM | IN_DELETE)) != 0 && e->name_len > 0) {
        /* If something else has that name by now, the look enters and watches it. */
        dir_free(in, dir_find(in, slot, (const uint8_t *)e->name, e->name_len));
    }
    tell(in, e, slot, hear);
}

void
fs_inotify_read(struct fs_inotify *in, const struct fs_hear *hear)
{
    static uint8_t buffer[FS_EVENTS_BUFFER] __attribute__((aligned(8)));
    struct fs_inotify_event e;
    ssize_t n = read(in->fd, buffer, sizeof(buffer));

    if (n <= 0) {
        return;
    }
    struct fs_bytes c = { .at = buffer, .end = buffer + n };
    for (;;) {
        enum fs_events_result r = fs_inotify_take(&c, &e);

        if (r == FS_EVENTS_ONE) {
            handle(in, &e, hear);
            continue;
        }
        if (r == FS_EVENTS_BROKEN) {
            hear->lost(hear->to, "broken");
        }
        return;
    }
}
