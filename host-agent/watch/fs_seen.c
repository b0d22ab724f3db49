#include "watch/fs_seen.h"
#include "watch/siphash.h"
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define TICK_NS INT64_C(10000000)  /* the coarsest clock that stamps files: 100 Hz */
#define REST_EACH UINT64_C(0x2000) /* entries: 64 KiB */

int
fs_seen_reset(struct fs_seen *s, uint64_t count)
{
    if (s->print != NULL) {
        munmap(s->print, s->count * sizeof(*s->print));
        s->print = NULL;
    }
    s->count = 0;
    if (count == 0 || count > SIZE_MAX / sizeof(*s->print)) {
        return count == 0 ? 0 : -EOVERFLOW;
    }
    if (getrandom(s->key, sizeof(s->key), 0) != (ssize_t)sizeof(s->key)) {
        return -errno;
    }
    size_t size = (size_t)count * sizeof(*s->print);
    int fd = memfd_create("seen", MFD_CLOEXEC);
    void *map = fd >= 0 && ftruncate(fd, (off_t)size) == 0
                        ? mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
                        : MAP_FAILED;
    int code = map == MAP_FAILED ? -errno : 0;
    if (fd >= 0) {
        close(fd);
    }
    if (code == 0) {
        s->print = map;
        s->count = count;
    }
    return code;
}

/* Never 0. */
static uint64_t
print_of(const struct fs_seen *s, const struct fs_sight *sight)
{
    const struct stat *st = &sight->st;
    const uint64_t said[] = { st->st_dev, st->st_ino, st->st_mode, st->st_nlink, st->st_uid, st->st_gid,
        st->st_rdev, (uint64_t)st->st_size, (uint64_t)st->st_mtim.tv_sec, (uint64_t)st->st_mtim.tv_nsec,
        (uint64_t)st->st_ctim.tv_sec, (uint64_t)st->st_ctim.tv_nsec, sight->flags, sight->number };

    return siphash_words(s->key, said, sizeof(said) / sizeof(said[0])) | 1;
}

bool
fs_seen_same(const struct fs_seen *s, const struct fs_sight *sight)
{
    if (sight->number >= s->count) {
        return false;
    }
    if (sight->number % REST_EACH == 0) {
        fs_seen_rest(s);
    }
    uint64_t print = s->print[sight->number];
    return print != 0 && print == print_of(s, sight);
}

void
fs_seen_note(const struct fs_seen *s, const struct fs_sight *sight, bool good)
{
    int64_t changed =
            (int64_t)((uint64_t)sight->st.st_ctim.tv_sec * 1000000000u + (uint64_t)sight->st.st_ctim.tv_nsec);

    if (sight->number >= s->count) {
        return;
    }
    if (sight->number % REST_EACH == 0) {
        fs_seen_rest(s);
    }
    bool settled = changed >= 0 && changed < sight->at_ns - 2 * TICK_NS;
    s->print[sight->number] = good && settled ? print_of(s, sight) : 0;
}

void
fs_seen_rest(const struct fs_seen *s)
{
    if (s->print != NULL) {
        madvise(s->print, (size_t)s->count * sizeof(*s->print), MADV_DONTNEED);
    }
}

int64_t
fs_seen_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}
