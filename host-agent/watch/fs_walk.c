#include "watch/fs_walk.h"
#include "watch/fs_look.h"
#include "watch/fs_names.h"
#include "watch/fs_remote.h"
#include "watch/fs_stat.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#define PATH_ROOM ((size_t)BASELINE_PATH_MAX + NAME_MAX + 2)
#define FRAMES ((size_t)BASELINE_PATH_MAX / 2 + 2)
#define DENTS ((size_t)32768)

struct fs_frame {
    int fd; /* -1: closed to save descriptors */
    uint32_t cookie;
    dev_t dev;
    ino_t ino;
    size_t path_len;        /* the directory's own path in w->path */
    size_t last_len;        /* with the last name that was given; 0 for none */
    bool kept;              /* what the kernel has of its files is the truth */
    struct fs_match beyond; /* a rule that ended at a mount on the way, and where it began to match */
    struct fs_names names;
};

int
fs_walk_map(struct fs_walk *w, size_t arena_size)
{
    size_t frames = (FRAMES * sizeof(struct fs_frame) + 4095) / 4096 * 4096;
    size_t paths = (PATH_ROOM + 4095) / 4096 * 4096;
    uint8_t *map = mmap(NULL, frames + 2 * paths + DENTS + arena_size, PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (map == MAP_FAILED) {
        return -errno;
    }
    memset(w, 0, offsetof(struct fs_walk, cursor));
    w->frame = (struct fs_frame *)(void *)map;
    w->path = map + frames;
    w->unlisted = map + frames + paths;
    w->dents = map + frames + 2 * paths;
    w->arena = w->dents + DENTS;
    w->arena_size = arena_size;
    w->top_fd = w->next_fd = -1;
    w->top_cookie = FS_NO_COOKIE;
    return 0;
}

void
fs_walk_rest(struct fs_walk *w)
{
    madvise(w->frame, (size_t)(w->arena - (uint8_t *)w->frame) + w->arena_size, MADV_DONTNEED);
}

void
fs_walk_end(struct fs_walk *w)
{
    for (; w->depth > 0; w->depth--) {
        if (w->frame[w->depth - 1].fd >= 0) {
            close(w->frame[w->depth - 1].fd);
        }
    }
    if (w->next_fd >= 0) {
        close(w->next_fd);
    }
    if (w->top_fd >= 0) {
        close(w->top_fd);
    }
    w->top_fd = w->next_fd = -1;
    w->shut = false;
    w->unlisted_len = 0;
    w->arena_used = 0;
}

/* What is at and below the first `len` bytes of the path is not known. */
static void
note_unlisted(struct fs_walk *w, size_t len)
{
    if (w->unlisted_len > 0 && baseline_under(w->path, len, w->unlisted, w->unlisted_len)) {
        return;
    }
    if (w->unlisted_len > 0 && !baseline_under(w->unlisted, w->unlisted_len, w->path, len)) {
        len = w->frame[w->depth - 1].path_len; /* both are in it */
    }
    memcpy(w->unlisted, w->path, len);
    w->unlisted_len = len;
}

void
fs_walk_begin(struct fs_walk *w, const uint8_t *path, size_t len, const struct fs_roots *roots)
{
    size_t parent = len;

    fs_walk_end(w);
    w->skipped = 0;
    w->roots = roots;
    w->at_top = true;
    fs_rules_start(&w->cursor);
    memcpy(w->path, path, len);
    w->path[len] = '\0';
    w->next_len = len;
    while (parent > 0 && path[parent - 1] != '/') {
        parent--;
    }
    w->top_fd = fs_open_dir(path, parent);
    if (w->top_fd < 0 && !fs_is_gone(errno)) {
        note_unlisted(w, len);
    }
}

/* File systems that show the kernel instead of keeping files: without end, without meaning for a baseline. */
static bool
is_kernels_own(long type)
{
    static const long types[] = { PROC_SUPER_MAGIC, SYSFS_MAGIC, DEVPTS_SUPER_MAGIC, CGROUP_SUPER_MAGIC,
        CGROUP2_SUPER_MAGIC, DEBUGFS_MAGIC, TRACEFS_MAGIC, SECURITYFS_MAGIC, BPF_FS_MAGIC, PSTOREFS_MAGIC,
        SELINUX_MAGIC, SMACK_MAGIC, HUGETLBFS_MAGIC, NSFS_MAGIC, AUTOFS_SUPER_MAGIC, BINFMTFS_MAGIC,
        0x62656570 /* configfs */, 0x19800202 /* mqueue */, 0x65735543 /* fusectl */,
        0x67596969 /* rpc_pipefs */ };

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (type == types[i]) {
            return true;
        }
    }
    return false;
}

/* A server that does not answer would stop us for good. A watch may name such a path; then it is wanted. */
static bool
is_remote(long type)
{
    return type == NFS_SUPER_MAGIC || type == 0x65735546 /* FUSE */ || type == 0xFE534D42L /* SMB2 */ ||
           type == 0xFF534D42L /* CIFS */ || type == CEPH_SUPER_MAGIC || type == AFS_SUPER_MAGIC ||
           type == V9FS_MAGIC;
}

/* No server knows more of its files than this kernel. Others are asked, even if that is not necessary. */
static bool
is_kept(long type, dev_t device)
{
    return !is_remote(type) && (major(device) != 0 || type == TMPFS_MAGIC || type == BTRFS_SUPER_MAGIC ||
                                       type == OVERLAYFS_SUPER_MAGIC);
}

/* A rule may be for some file systems only: what is mounted here is then none of it. */
static bool
rule_ends(const struct fs_frame *parent, const struct fs_match *m, int fd, size_t len)
{
    if (m->rule == NULL) {
        return false;
    }
    return (parent != NULL && m->rule->one_fs && m->at < len) || !fs_rule_is_for(m->rule, fd);
}

static bool
worth_entering(struct fs_walk *w, int fd, const struct stat *st, const struct fs_match *m)
{
    struct statfs fs;
    const struct fs_frame *parent = w->depth > 0 ? &w->frame[w->depth - 1] : NULL;

    w->next_beyond = parent != NULL ? parent->beyond : (struct fs_match){ .rule = NULL };
    w->next_kept = parent != NULL && parent->kept;
    if (parent != NULL && parent->dev == st->st_dev) {
        return true;
    }
    if (rule_ends(parent, m, fd, w->next_len)) {
        w->next_beyond = *m;
        if (!m->below) {
            return false;
        }
    }
    if (fstatfs(fd, &fs) < 0) {
        w->shut = true;
        return false;
    }
    long type = (long)(unsigned long)fs.f_type & 0xFFFFFFFFL;
    w->next_kept = is_kept(type, st->st_dev);
    return !is_kernels_own(type) && (parent == NULL || !is_remote(type));
}

/* A directory that is about to be given stays open, so that what is told of it and what is listed are one. */
static void
enter_item(struct fs_walk *w, const struct fs_item *item, const struct fs_match *m, int fd)
{
    if (!worth_entering(w, fd, &item->st, m)) {
        close(fd);
        return;
    }
    w->next_fd = fd;
    w->next_st = item->st;
}

static void
open_item(struct fs_walk *w, struct fs_item *item, const struct fs_match *m)
{
    struct stat st;
    int fd = fs_open(item->dir_fd, item->name, O_RDONLY | O_DIRECTORY, item->st.st_uid);

    if (fd < 0) {
        w->shut = !fs_is_gone(errno);
        item->unreadable = errno == EACCES || errno == EPERM;
        return;
    }
    if (!fs_stat(fd, "", &st, &item->flags)) {
        w->shut = true;
        close(fd);
        return;
    }
    item->st = st;
    enter_item(w, item, m, fd);
}

/* What was listed as a directory: by its descriptor alone, which saves a look by its name. -1: is none, or
 * not to be opened, or a mount. */
static int
open_listed(struct fs_item *item)
{
    int fd = fs_open_here(item->dir_fd, item->name, O_RDONLY | O_DIRECTORY);

    if (fd >= 0 && !fs_stat(fd, "", &item->st, &item->flags)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/*
 * A mount may have come at any name since they were asked: one that is silent is left alone. What may not
 * even be looked at is somebody's mount, which hides what was there.
 */
static bool
look_at(struct fs_walk *w, struct fs_item *item, bool is_dir)
{
    bool kept = !is_dir && w->depth > 0 && w->frame[w->depth - 1].kept;

    if (kept && fs_stat_kept(item->dir_fd, item->name, &item->st, &item->flags)) {
        return true;
    }
    if (fs_remote_silent_now(w->path, item->path_len)) {
        return false;
    }
    bool seen = fs_stat(item->dir_fd, item->name, &item->st, &item->flags);
    if (!seen && !fs_is_gone(errno) && errno != EACCES && errno != EPERM) {
        note_unlisted(w, item->path_len);
    }
    return seen;
}

static struct fs_match
what_holds(struct fs_walk *w, size_t len)
{
    struct fs_match m = { .rule = NULL };

    if (w->roots == NULL) {
        return m;
    }
    m = fs_roots_next(w->roots, &w->cursor, w->path, len);
    if (w->depth > 0) {
        const struct fs_match *beyond = &w->frame[w->depth - 1].beyond;

        m.rule = m.rule == beyond->rule && m.at == beyond->at ? NULL : m.rule;
    }
    return m;
}

/* Looks at dir_fd/name, whose path stands in w->path. False when it is not to be given. */
static bool
give(struct fs_walk *w, int dir_fd, const char *name, size_t len, bool is_dir, struct fs_item *item)
{
    struct fs_match m = what_holds(w, len);

    if (w->roots != NULL && m.rule == NULL && !m.below) {
        return false;
    }
    if (fs_remote_silent(w->path, len)) {
        return false;
    }
    item->path = w->path;
    item->path_len = len;
    item->dir_fd = dir_fd;
    item->name = name;
    item->rule = m.rule;
    item->unreadable = false;
    w->next_len = len;
    int fd = is_dir ? open_listed(item) : -1;
    if (fd >= 0) {
        enter_item(w, item, &m, fd);
        return true;
    }
    if (!look_at(w, item, is_dir)) {
        return false;
    }
    if (S_ISDIR(item->st.st_mode)) {
        open_item(w, item, &m);
        return true;
    }
    return w->roots == NULL || m.rule != NULL;
}

/* Reads the list of names that are behind the last one given. */
static bool
list(struct fs_walk *w, struct fs_frame *f)
{
    size_t skip = f->path_len == 1 ? 1 : f->path_len + 1;
    struct fs_names_source src = { .dents = w->dents,
        .dents_size = DENTS,
        .alive = w->alive,
        .alive_to = w->alive_to,
        .after = f->last_len > 0 ? w->path + skip : NULL,
        .after_len = f->last_len > 0 ? f->last_len - skip : 0 };

    w->arena_used -= f->names.size;
    size_t left = w->arena_size - w->arena_used;
    /* Half of what is left: the other half is for what is below. */
    bool good = fs_names_read(&f->names, &src, f->fd, w->arena + w->arena_used, left / 2);
    w->arena_used += f->names.size;
    if (!good && !fs_is_gone(errno)) {
        note_unlisted(w, f->path_len);
    }
    return good;
}

static void
push(struct fs_walk *w)
{
    struct fs_frame *f = &w->frame[w->depth];
    uint32_t cookie = w->depth > 0 ? w->frame[w->depth - 1].cookie : w->top_cookie;

    *f = (struct fs_frame){ .fd = w->next_fd,
        .dev = w->next_st.st_dev,
        .ino = w->next_st.st_ino,
        .path_len = w->next_len,
        .kept = w->next_kept,
        .beyond = w->next_beyond };
    w->next_fd = -1;
    if (w->depth >= FS_WALK_FDS && w->frame[w->depth - FS_WALK_FDS].fd >= 0) {
        close(w->frame[w->depth - FS_WALK_FDS].fd);
        w->frame[w->depth - FS_WALK_FDS].fd = -1;
    }
    w->depth++;
    f->cookie = w->enter != NULL ? w->enter(w->enter_to, cookie, f->fd, w->path, f->path_len) : FS_NO_COOKIE;
    list(w, f);
}

/* A directory that was closed on the way down: by "..", or by its path when the way down was moved since. */
static int
reopen(const struct fs_walk *w, const struct fs_frame *f, int child_fd)
{
    struct stat st;

    if (fs_remote_silent_now(w->path, f->path_len)) {
        errno = ETIMEDOUT;
        return -1;
    }
    int fd = child_fd >= 0 ? fs_open(child_fd, "..", O_RDONLY | O_DIRECTORY, (uid_t)-1) : -1;

    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_dev == f->dev && st.st_ino == f->ino) {
        return fd;
    }
    if (fd >= 0) {
        close(fd);
    }
    int path_fd = fs_open_dir(w->path, f->path_len);
    if (path_fd < 0) {
        return -1;
    }
    fd = fs_open(path_fd, ".", O_RDONLY | O_DIRECTORY, (uid_t)-1);
    close(path_fd);
    return fd;
}

/* Opens the innermost directory if it was closed. What is not where it was has nothing left at these paths.
 */
static void
make_open(struct fs_walk *w, struct fs_frame *f, int child_fd)
{
    if (f->fd >= 0) {
        return;
    }
    f->fd = reopen(w, f, child_fd);
    if (f->fd < 0) {
        if (!fs_is_gone(errno)) {
            note_unlisted(w, f->path_len);
        }
        f->names.next = f->names.count;
        f->names.more = false;
    }
}

void
fs_walk_let_go(struct fs_walk *w)
{
    for (unsigned i = 0; i < w->depth; i++) {
        if (w->frame[i].fd >= 0) {
            close(w->frame[i].fd);
            w->frame[i].fd = -1;
        }
    }
    if (w->depth > 0 && w->top_fd >= 0) {
        close(w->top_fd);
        w->top_fd = -1;
    }
}

static void
pop(struct fs_walk *w)
{
    struct fs_frame *child = &w->frame[w->depth - 1];

    w->arena_used -= child->names.size;
    w->depth--;
    if (w->depth > 0) {
        make_open(w, &w->frame[w->depth - 1], child->fd);
    }
    if (child->fd >= 0) {
        close(child->fd);
    }
}

/* The next name of the innermost directory into w->path. NULL when that directory is done. */
static const char *
next_name(struct fs_walk *w, struct fs_frame *f, size_t *len, bool *is_dir)
{
    for (;;) {
        if (f->names.next == f->names.count) {
            if (!f->names.more || !list(w, f)) {
                return NULL;
            }
            continue;
        }
        size_t name_len;
        const char *name = fs_names_next(&f->names, &name_len, is_dir);
        size_t at = f->path_len == 1 ? 0 : f->path_len;
        if (at + 1 + name_len > BASELINE_PATH_MAX) {
            w->skipped++;
            continue;
        }
        w->path[at] = '/';
        memcpy(w->path + at + 1, name, name_len);
        *len = f->last_len = at + 1 + name_len;
        return name;
    }
}

static bool
give_top(struct fs_walk *w, struct fs_item *item)
{
    const char *name = (const char *)w->path + w->next_len;

    w->at_top = false;
    if (w->top_fd < 0) {
        return false;
    }
    while (name > (const char *)w->path && name[-1] != '/') {
        name--;
    }
    return give(w, w->top_fd, *name != '\0' ? name : ".", w->next_len, false, item);
}

bool
fs_walk_next(struct fs_walk *w, struct fs_item *item)
{
    if (w->at_top) {
        return give_top(w, item);
    }
    if (w->depth == 0 && w->next_fd < 0 && !w->shut) {
        return false;
    }
    w->unlisted_len = 0;
    if (w->shut) {
        w->shut = false;
        note_unlisted(w, w->next_len);
    }
    if (w->next_fd >= 0) {
        push(w);
    }
    while (w->depth > 0) {
        struct fs_frame *f = &w->frame[w->depth - 1];
        size_t len;
        bool is_dir;

        make_open(w, f, -1);
        const char *name = next_name(w, f, &len, &is_dir);

        if (name == NULL) {
            pop(w);
        } else if (give(w, f->fd, name, len, is_dir, item)) {
            return true;
        }
    }
    return false;
}
