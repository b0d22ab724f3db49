#include "belfry/ledger/reserve.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define NAME "reserve"
#define MOST (UINT64_C(4) << 20)
#define PART 32 /* of a small file system */

static uint64_t
free_bytes(const struct reserve *r)
{
    struct statvfs fs;

    return fstatvfs(r->fd, &fs) == 0 ? (uint64_t)fs.f_bavail * fs.f_frsize : UINT64_MAX;
}

static void
hold(struct reserve *r)
{
    r->held = fallocate(r->fd, 0, 0, (off_t)r->size) == 0;
    if (!r->held) {
        (void)!ftruncate(r->fd, 0);
    }
}

void
reserve_open(struct reserve *r, const char *path)
{
    int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct statvfs fs;

    *r = (struct reserve){ .fd = -1 };
    if (dir < 0) {
        return;
    }
    r->fd = openat(dir, NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    (void)close(dir);
    if (r->fd >= 0 && fstatvfs(r->fd, &fs) == 0) {
        r->size = (uint64_t)fs.f_blocks * fs.f_frsize / PART;
        r->size = r->size < MOST ? r->size : MOST;
        hold(r);
    }
}

bool
reserve_spend(struct reserve *r)
{
    if (!r->held || free_bytes(r) >= r->size) {
        return false;
    }
    r->held = false;
    return ftruncate(r->fd, 0) == 0;
}

bool
reserve_look(struct reserve *r)
{
    if (r->fd < 0 || r->size == 0 || r->held || free_bytes(r) / 4 < r->size) {
        return false;
    }
    hold(r);
    return r->held;
}

void
reserve_close(struct reserve *r)
{
    if (r->fd >= 0) {
        (void)close(r->fd);
        r->fd = -1;
    }
}
