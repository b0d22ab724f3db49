#include "watch/fs_look.h"
#include "watch/fs_remote.h"
#include "watch/fs_stat.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Holds nothing between two steps, so that reads that take turns can share it. */
static uint8_t buffer[FS_READ_CHUNK] __attribute__((aligned(4096)));

/* In one go, where the kernel can; -1 with ENOSYS where it cannot, with ENAMETOOLONG for a path it does not
 * take. */
static int
open_dir_whole(const uint8_t *path, size_t len)
{
    static atomic_bool missing;
    char whole[PATH_MAX];
    struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
        .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS };

    if (atomic_load_explicit(&missing, memory_order_relaxed) || len >= sizeof(whole)) {
        errno = len >= sizeof(whole) ? ENAMETOOLONG : ENOSYS;
        return -1;
    }
    memcpy(whole, path, len);
    whole[len] = '\0';
    int fd = (int)syscall(SYS_openat2, AT_FDCWD, whole, &how, sizeof(how));
    if (fd < 0 && errno == ENOSYS) {
        atomic_store_explicit(&missing, true, memory_order_relaxed);
    }
    return fd;
}

int
fs_open_dir(const uint8_t *path, size_t len)
{
    char name[NAME_MAX + 1];

    if (fs_remote_silent_now(path, len)) {
        errno = ETIMEDOUT;
        return -1;
    }
    int whole = open_dir_whole(path, len);

    if (whole >= 0 || (errno != ENOSYS && errno != ENAMETOOLONG)) {
        return whole;
    }
    int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

    for (size_t at = 1; fd >= 0 && at < len;) {
        const uint8_t *slash = memchr(path + at, '/', len - at);
        size_t n = slash != NULL ? (size_t)(slash - (path + at)) : len - at;

        if (n > NAME_MAX) {
            close(fd);
            errno = ENAMETOOLONG;
            return -1;
        }
        memcpy(name, path + at, n);
        name[n] = '\0';
        int next = openat(fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int code = errno;
        close(fd);
        errno = code;
        fd = next;
        at += n + 1;
    }
    return fd;
}

bool
fs_is_gone(int error)
{
    return error == ENOENT || error == ENOTDIR || error == ELOOP;
}

bool
fs_is_unknown(int error)
{
    return !fs_is_gone(error) && error != ESTALE && error != EACCES && error != EPERM && error != ETIMEDOUT;
}

static uint8_t
type_of(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFDIR:
        return BASELINE_DIR;
    case S_IFLNK:
        return BASELINE_LINK;
    case S_IFIFO:
        return BASELINE_FIFO;
    case S_IFSOCK:
        return BASELINE_SOCKET;
    case S_IFCHR:
        return BASELINE_CHAR;
    case S_IFBLK:
        return BASELINE_BLOCK;
    default:
        return BASELINE_REGULAR;
    }
}

/* In unsigned arithmetic: a file may carry any time, and a wrapped one is as good as another. */
static int64_t
nanoseconds(const struct timespec *t)
{
    return (int64_t)((uint64_t)t->tv_sec * 1000000000u + (uint64_t)t->tv_nsec);
}

/* The attributes are read before the content: the look behind it sees by the change time if they changed. */
static void
describe(struct fs_look *l)
{
    struct baseline_entry *e = &l->now;

    e->type = type_of(l->st.st_mode);
    e->state = BASELINE_READ;
    e->mode = l->st.st_mode & 07777;
    e->uid = l->st.st_uid;
    e->gid = l->st.st_gid;
    e->nlink = (uint32_t)l->st.st_nlink;
    e->ino = l->st.st_ino;
    e->flags = l->flags;
    e->mtime_ns = nanoseconds(&l->st.st_mtim);
    e->ctime_ns = nanoseconds(&l->st.st_ctim);
    e->size = 0;
    e->link = NULL;
    e->link_len = 0;
    fs_xattrs_read(&l->xattrs, l->dir_fd, l->name);
    e->xattrs = l->xattrs.form;
    e->xattrs_len = (uint16_t)l->xattrs.len;
    if (e->type == BASELINE_REGULAR) {
        e->state = BASELINE_UNREAD;
        e->size = (uint64_t)l->st.st_size;
    } else if (e->type == BASELINE_CHAR || e->type == BASELINE_BLOCK) {
        e->size = (uint64_t)major(l->st.st_rdev) << 32 | minor(l->st.st_rdev);
    } else if (e->type == BASELINE_LINK) {
        ssize_t n = readlinkat(l->dir_fd, l->name, l->link, sizeof(l->link));

        e->link = (const uint8_t *)l->link;
        e->link_len = n > 0 ? (uint16_t)n : 0;
        e->state = n > 0 ? BASELINE_READ : BASELINE_UNREADABLE;
    }
}

static void
begin(struct fs_look *l, int dir_fd, const char *name)
{
    l->dir_fd = dir_fd;
    l->name = name;
    l->read.fd = -1;
    l->tries = 0;
    l->log = false;
}

bool
fs_look(struct fs_look *l, int dir_fd, const char *name)
{
    begin(l, dir_fd, name);
    l->exists = fs_stat(dir_fd, name, &l->st, &l->flags);
    l->error = errno;
    if (l->exists) {
        describe(l);
    }
    return l->exists;
}

void
fs_look_known(struct fs_look *l, int dir_fd, const char *name, const struct stat *st, uint32_t flags)
{
    begin(l, dir_fd, name);
    l->exists = true;
    l->st = *st;
    l->flags = flags;
    describe(l);
}

void
fs_look_log(struct fs_look *l, uint64_t head)
{
    l->log = true;
    l->head = head;
}

static bool
finish(struct fs_look *l, enum baseline_state state)
{
    l->now.state = (uint8_t)state;
    return true;
}

void
fs_look_abort(struct fs_look *l)
{
    fs_read_abort(&l->read);
}

void
fs_look_rest(void)
{
    madvise(buffer, sizeof(buffer), MADV_DONTNEED);
}

/* It changed under our hands: look again, and read again unless that was the last try. */
static bool
retry(struct fs_look *l)
{
    unsigned tries = l->tries + 1;
    bool log = l->log;

    if (!fs_look(l, l->dir_fd, l->name) || l->now.type != BASELINE_REGULAR) {
        return true;
    }
    l->tries = tries;
    l->log = log;
    return tries >= FS_LOOK_TRIES ? finish(l, BASELINE_UNSTABLE) : false;
}

static bool
conclude(struct fs_look *l, enum fs_read_result result)
{
    switch (result) {
    case FS_READ_MORE:
        return false;
    case FS_READ_CHANGED:
        return retry(l);
    case FS_READ_DONE:
        memcpy(l->now.digest, l->read.digest, sizeof(l->now.digest));
        return finish(l, BASELINE_READ);
    default:
        return finish(l, BASELINE_UNREADABLE);
    }
}

bool
fs_look_step(struct fs_look *l)
{
    if (l->read.fd < 0) {
        enum fs_read_result result = fs_read_open(&l->read, l->dir_fd, l->name, &l->st);

        if (l->log) {
            fs_read_log(&l->read, l->head);
        }
        return conclude(l, result);
    }
    return conclude(l, fs_read_step(&l->read, &l->hash, buffer));
}
