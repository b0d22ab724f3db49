#include "watch/fs_look.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define TRIES 4
#define READ_CHUNK 131072 /* bytes; 64 to 128 KiB measured fastest */

/* Holds nothing between two steps, so that reads that take turns can share it. */
static uint8_t buffer[READ_CHUNK] __attribute__((aligned(4096)));

int
fs_open(int dir_fd, const char *name, int flags, uid_t owner)
{
    static bool
            refused; /* O_NOATIME is for the owner and CAP_FOWNER; ask once, then only for our own files */
    int all = flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

    if (!refused || owner == geteuid()) {
        int fd = openat(dir_fd, name, all | O_NOATIME);

        if (fd >= 0 || errno != EPERM) {
            return fd;
        }
        refused = true;
    }
    return openat(dir_fd, name, all);
}

int
fs_open_dir(const uint8_t *path, size_t len)
{
    char name[NAME_MAX + 1];
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

static void
describe(struct fs_look *l)
{
    struct baseline_entry *e = &l->now;

    e->type = type_of(l->st.st_mode);
    e->state = BASELINE_READ;
    e->mode = l->st.st_mode & 07777;
    e->uid = l->st.st_uid;
    e->gid = l->st.st_gid;
    /* In unsigned arithmetic: a file may carry any time, and a wrapped one is as good as another. */
    e->mtime_ns = (int64_t)((uint64_t)l->st.st_mtim.tv_sec * 1000000000u + (uint64_t)l->st.st_mtim.tv_nsec);
    e->size = 0;
    e->link = NULL;
    e->link_len = 0;
    if (e->type == BASELINE_REGULAR) {
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

bool
fs_look(struct fs_look *l, int dir_fd, const char *name)
{
    l->dir_fd = dir_fd;
    l->name = name;
    l->fd = -1;
    l->tries = 0;
    l->exists = fstatat(dir_fd, name, &l->st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) == 0;
    if (l->exists) {
        describe(l);
    }
    return l->exists;
}

void
fs_look_known(struct fs_look *l, int dir_fd, const char *name, const struct stat *st)
{
    l->dir_fd = dir_fd;
    l->name = name;
    l->fd = -1;
    l->tries = 0;
    l->exists = true;
    l->st = *st;
    describe(l);
}

static bool
finish(struct fs_look *l, enum baseline_state state)
{
    fs_look_abort(l);
    l->now.state = (uint8_t)state;
    return true;
}

void
fs_look_abort(struct fs_look *l)
{
    if (l->fd >= 0) {
        close(l->fd);
        l->fd = -1;
    }
}

void
fs_look_read(struct fs_look *l)
{
    l->done = 0;
    wire_hash_init(&l->hash);
}

/* It changed under our hands: look again, and read again unless that was the last try. */
static bool
retry(struct fs_look *l)
{
    unsigned tries = l->tries + 1;

    fs_look_abort(l);
    if (!fs_look(l, l->dir_fd, l->name) || l->now.type != BASELINE_REGULAR) {
        return true;
    }
    l->tries = tries;
    if (tries >= TRIES) {
        return finish(l, BASELINE_UNSTABLE);
    }
    fs_look_read(l);
    return false;
}

void
fs_look_rest(void)
{
    madvise(buffer, sizeof(buffer), MADV_DONTNEED);
}

static bool
same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* All was read; it counts when the file is the one that was looked at, and as it was then. */
static bool
conclude(struct fs_look *l)
{
    struct stat st;

    if (fstat(l->fd, &st) < 0) {
        return finish(l, BASELINE_UNREADABLE);
    }
    if (st.st_ino != l->st.st_ino || st.st_dev != l->st.st_dev || st.st_mode != l->st.st_mode ||
            st.st_size != l->st.st_size || !same_time(&st.st_mtim, &l->st.st_mtim) ||
            !same_time(&st.st_ctim, &l->st.st_ctim)) {
        return retry(l);
    }
    wire_hash_final(&l->hash, l->now.digest);
    return finish(l, BASELINE_READ);
}

bool
fs_look_step(struct fs_look *l)
{
    if (l->fd < 0) {
        l->fd = fs_open(l->dir_fd, l->name, O_RDONLY, l->st.st_uid);
        if (l->fd < 0) {
            bool moving = errno == ENOENT || errno == ELOOP || errno == ENXIO || errno == ESTALE;

            return moving ? retry(l) : finish(l, BASELINE_UNREADABLE);
        }
    }
    ssize_t n = read(l->fd, buffer, sizeof(buffer));
    if (n < 0) {
        return errno == EINTR ? false : errno == EAGAIN ? retry(l) : finish(l, BASELINE_UNREADABLE);
    }
    wire_hash_update(&l->hash, buffer, (size_t)n);
    l->done += (uint64_t)n;
    if (n > 0 && l->done < l->now.size) {
        return false;
    }
    return conclude(l);
}
